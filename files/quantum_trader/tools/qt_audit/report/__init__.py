"""The content of a page about a period, as plain data. Pure.

`render` and everything above it may import this.
"""
