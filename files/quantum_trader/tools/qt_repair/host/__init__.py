"""Adapters to a host: Docker, systemd, PostgreSQL, HTTP, processes, file systems. Calls have a time limit.

`kinds` and everything above it may import this.
"""
