"""Read the record: windows of time, following, positions. Creates and locks nothing.

`verify` and everything above it may import this.
"""
