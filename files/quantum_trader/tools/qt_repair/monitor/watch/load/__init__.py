"""Load: how many processes want a core."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ()
