"""Connections, HTTP, mail and child processes, bounded in time.

Only `delivery` imports this.
"""
