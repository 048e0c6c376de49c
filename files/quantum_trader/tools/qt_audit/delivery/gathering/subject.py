"""What an entry is about, and whether it says that a problem is over. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qt_audit.record.entry import Entry

# How the monitor and the repairs say that something is over, where the outcome alone does not tell.
_THRESHOLD_OVER = re.compile(
    r"Auto-heal: (?:Recovered\b|.* has stopped flapping .*(?<!stays in breach)$|.* is no longer watched\b)",
    re.DOTALL,
)
_REPAIR_OVER = re.compile(r"Auto-repair: (?:Unfrozen .*: healthy\b|.* is healthy again\b)", re.DOTALL)
_MOST_FACTS = 12


def subject_of(entry: Entry) -> str:
    """What the entry is about: entries of one subject make one incident.

    A threshold or a repair by its name, else the program and its sentence without how it ended.
    """
    for key in ("threshold", "repair"):
        name = entry.details.get(key)
        if isinstance(name, str) and name:
            return f"{key} {name}"
    return f"{entry.source}: {entry.action.partition(' - FAILED')[0]}"


def lasts(subject: str) -> bool:
    """Whether a problem of this subject stays until an entry says that it is over.

    Anything else is an event: it happened, and that is all.
    """
    return subject.startswith(("threshold ", "repair "))


def ends(entry: Entry, subject: str) -> bool:
    """Whether the entry says that the problem of this subject is over.

    Of a breach that its value is clear again: that its repair went well does not tell.
    """
    if subject.startswith("threshold "):
        return _THRESHOLD_OVER.match(entry.action) is not None
    if subject.startswith("repair ") and _REPAIR_OVER.match(entry.action):
        return True
    return entry.outcome == "succeeded"


def facts_of(details: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """What of an entry's details is worth telling: short values, in their order."""
    told = []
    for key, value in details.items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and key != "output":
            told.append((key, str(value)))
    return tuple(told[:_MOST_FACTS])
