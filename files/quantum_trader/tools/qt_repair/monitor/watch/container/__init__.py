"""A container: whether it runs and is healthy."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("container",)
