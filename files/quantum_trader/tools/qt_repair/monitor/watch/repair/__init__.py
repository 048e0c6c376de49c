"""The probe of a repair in auto_repair_system.yml, whatever its kind."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("repair",)
