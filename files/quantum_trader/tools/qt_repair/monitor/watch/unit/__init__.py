"""A systemd unit: whether it is active."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("unit",)
