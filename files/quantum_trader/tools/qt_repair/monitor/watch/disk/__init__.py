"""Space of a mount, in percent used."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("mount",)
