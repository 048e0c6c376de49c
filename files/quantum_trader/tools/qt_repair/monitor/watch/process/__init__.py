"""Processes: how many of a name run."""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("process",)
