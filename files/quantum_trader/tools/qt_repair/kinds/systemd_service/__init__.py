"""A systemd unit."""
