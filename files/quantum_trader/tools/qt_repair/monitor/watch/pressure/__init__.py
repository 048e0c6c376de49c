"""Pressure: the share of time in which tasks wait for memory, a disk or a core."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("resource", "share")
