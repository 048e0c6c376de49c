"""The record itself: entries, segments, head, appending, recovery and the fallback places.

Everything above `settings` may import this; its modules need the standard library alone.
"""
