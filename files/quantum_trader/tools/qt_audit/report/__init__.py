"""What a page tells of a period, as plain data. Pure.

`render` and everything above it may import this.
"""
