"""What every command line prints with: escaped text, colour, JSON, closed outputs.

The commands of qt_audit and the programs of qt_repair import this.
"""
