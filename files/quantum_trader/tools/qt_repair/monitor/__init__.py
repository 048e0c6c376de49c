"""The realtime monitor: the daemon, what it watches, and what it remembers.

Only its face and `programs` import this.
"""
