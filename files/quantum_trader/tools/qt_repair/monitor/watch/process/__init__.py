"""A process: how many of this name run."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("process",)
