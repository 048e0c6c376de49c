"""The realtime monitor: the daemon, what it watches, and its state file.

Only its face and `programs` import this.
"""
