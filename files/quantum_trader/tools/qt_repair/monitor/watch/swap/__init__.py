"""The used swap, in percent."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ()
