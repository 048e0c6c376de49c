"""Deliver notifications: a durable outbox, and one module for each kind of channel.

`doctor` and `commands` import this.
"""
