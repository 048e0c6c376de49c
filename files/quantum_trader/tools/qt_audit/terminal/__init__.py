"""Terminal output for every command line: escaped text, colour, JSON, and closed or full outputs.

The commands of qt_audit and the programs of qt_repair import this.
"""
