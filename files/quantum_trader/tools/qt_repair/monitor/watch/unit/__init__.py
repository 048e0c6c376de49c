"""A systemd unit: is it active?"""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("unit",)
