"""The record: entries, segments, head, appending, recovery and fallback places.

Everything above `settings` may import this. Its modules need only the standard library.
"""
