"""Ask a host: Docker, systemd, PostgreSQL, HTTP, processes, file systems. Bounded in time.

`kinds` and everything above it may import this.
"""
