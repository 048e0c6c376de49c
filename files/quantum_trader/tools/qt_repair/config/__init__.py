"""From YAML files and drop-ins to a checked configuration; its reference; its command line.

`engine`, `monitor` and `weekly` import this.
"""
