"""Is everything in place? Each check as data; nothing is changed.

`commands` imports this, and the weekly validation.
"""
