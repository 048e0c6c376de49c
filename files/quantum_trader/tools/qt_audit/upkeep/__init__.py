"""Archive, retention, adoption, and the log that people read, built anew.

`doctor` and `commands` import this.
"""
