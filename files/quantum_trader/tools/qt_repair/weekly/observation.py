"""What a phase saw, as plain data, and short lists of what may be long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LISTED = 20
"""At most so many names are listed; of the others the number is said."""


@dataclass(frozen=True)
class Observation:
    """What a phase saw: well if there are no problems."""

    summary: str
    """One line for people: what was looked at."""
    problems: tuple[str, ...] = ()
    """One line each."""
    notes: tuple[str, ...] = ()
    """What is worth a line and fails nothing."""
    details: Mapping[str, Any] = field(default_factory=dict)


class PhaseError(Exception):
    """A phase cannot say how it is; the text says why and what to change. It counts as failed."""


def limited_list(lines: Sequence[str], most: int = LISTED) -> list[str]:
    """The first of many lines, and how many more there are."""
    if len(lines) <= most:
        return list(lines)
    return [*lines[:most], f"and {len(lines) - most} more"]


def count_text(count: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
