"""Compose the texts of messages, and make any text safe for a channel.

`delivery`, `doctor` and `commands` import this.
"""
