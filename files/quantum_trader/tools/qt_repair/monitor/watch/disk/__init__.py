"""The used space of a mount, in percent."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("mount",)
