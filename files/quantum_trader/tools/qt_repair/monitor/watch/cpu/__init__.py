"""CPU: the busy share of all cores."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ()
