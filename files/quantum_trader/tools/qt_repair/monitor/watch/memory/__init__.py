"""Memory, in percent used."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ()
