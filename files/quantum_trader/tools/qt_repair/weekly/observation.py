"""What a phase observed, as plain data, and helpers to keep its lists short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LISTED = 20
"""How many lines are listed; of the others only the number is given."""


@dataclass(frozen=True)
class Observation:
    """What a phase observed. It passed if there are no problems."""

    summary: str
    """One line for people: what was checked."""
    problems: tuple[str, ...] = ()
    """One line each."""
    notes: tuple[str, ...] = ()
    """What people should know and what fails nothing."""
    details: Mapping[str, Any] = field(default_factory=dict)


class PhaseError(Exception):
    """A phase cannot be checked; the text says why and what to change. It counts as failed."""


def limited_list(lines: Sequence[str], most: int = LISTED) -> list[str]:
    """The first lines, and a last one that says how many more there are."""
    if len(lines) <= most:
        return list(lines)
    return [*lines[:most], f"and {len(lines) - most} more"]


def count_text(count: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
