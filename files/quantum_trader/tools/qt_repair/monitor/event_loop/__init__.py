"""The event loop, its child processes, its clock and systemd's notification socket.

Only `monitor` imports this.
"""
