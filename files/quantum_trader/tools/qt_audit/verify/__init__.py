"""Follow the chain of the record, and name each fault.

`upkeep` and everything above it may import this.
"""
