"""CPU: how busy all cores are together."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ()
