"""What an entry is about, and whether it says that a problem is over. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qt_audit.record.entry import Entry

# Sentences of the monitor and the repairs that end a problem, where the outcome alone does not say so.
_THRESHOLD_OVER = re.compile(
    r"Auto-heal: (?:Recovered\b|.* has stopped flapping .*(?<!stays in breach)$|.* is no longer watched\b)",
    re.DOTALL,
)
_REPAIR_OVER = re.compile(r"Auto-repair: (?:Unfrozen .*: healthy\b|.* is healthy again\b)", re.DOTALL)
_MAX_FACTS = 12


def subject_of(entry: Entry) -> str:
    """What the entry is about. Entries of one subject belong to one incident.

    It is the name of a threshold or a repair, else the source and its sentence without ` - FAILED…`.
    """
    for key in ("threshold", "repair"):
        name = entry.details.get(key)
        if isinstance(name, str) and name:
            return f"{key} {name}"
    return f"{entry.source}: {entry.action.partition(' - FAILED')[0]}"


def stays_open(subject: str) -> bool:
    """Whether a problem of this subject is open until an entry says that it is over.

    Anything else is an event: no entry ends it.
    """
    return subject.startswith(("threshold ", "repair "))


def ends(entry: Entry, subject: str) -> bool:
    """Whether the entry says that the problem of this subject is over.

    A breach is over when its value is clear again; a repair that succeeded does not end it.
    """
    if subject.startswith("threshold "):
        return _THRESHOLD_OVER.match(entry.action) is not None
    if subject.startswith("repair ") and _REPAIR_OVER.match(entry.action):
        return True
    return entry.outcome == "succeeded"


def facts_of(details: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The first details that are single values, as texts. `output` and yes/no values are left out."""
    facts = []
    for key, value in details.items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and key != "output":
            facts.append((key, str(value)))
    return tuple(facts[:_MAX_FACTS])
