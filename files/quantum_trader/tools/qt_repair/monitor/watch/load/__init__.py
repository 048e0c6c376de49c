"""Load: how many processes run or wait for each core."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ()
