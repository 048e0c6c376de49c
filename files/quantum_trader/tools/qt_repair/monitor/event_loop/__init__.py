"""The loop that waits for everything, its children, clock and systemd's socket.

Only `monitor` imports this.
"""
