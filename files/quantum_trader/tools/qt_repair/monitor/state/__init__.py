"""What the monitor remembers from one start to the next.

Only `monitor` imports this.
"""
