"""From the record to messages: what is new, and who must know it.

Only `delivery` imports this.
"""
