"""Archiving, retention, the adoption of an older log, and rebuilding the log that people read.

`doctor` and `commands` import this.
"""
