"""A probe of auto_repair_system.yml, whatever its kind."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("repair",)
