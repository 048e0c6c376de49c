"""Check an installation, its record, its channels and its host. Each check is data; nothing is changed.

`commands` imports this, and the weekly validation.
"""
