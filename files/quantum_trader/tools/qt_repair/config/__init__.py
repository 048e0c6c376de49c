"""YAML and drop-ins to a checked configuration, and its reference.

`engine`, `monitor` and `weekly` import this.
"""
