"""Read new entries and filed summaries, and turn them into messages for the outbox.

Only `delivery` imports this.
"""
