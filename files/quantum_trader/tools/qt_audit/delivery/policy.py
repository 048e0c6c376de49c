"""What is told at once, and what waits for the summaries. Pure: an entry goes in, a verdict comes out.

The operator's rules come first (QT_NOTIFY_RULES), the first that matches decides:

    now outcome=failed source=trading_agent; later action=^Smoke; critical action=margin call

then our own: what failed, an escalation, a breached threshold and its recovery are told at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from qt_audit.entry import OUTCOMES, Entry

LATER, NOW, CRITICAL = "later", "now", "critical"
URGENCIES = (LATER, NOW, CRITICAL)
BREACH = "Auto-heal: Triggered by"
RECOVERY = "Auto-heal: Recovered"
_WORD = re.compile(r"(outcome|source|action)=(.*)", re.DOTALL)


class RuleError(ValueError):
    """A rule cannot be used; the text says which, and what is wrong in it."""


@dataclass(frozen=True)
class Rule:
    """Entries that match all of what is given are of this urgency."""

    urgency: str
    outcome: str | None = None
    source: str | None = None
    action: re.Pattern[str] | None = None

    def matches(self, entry: Entry) -> bool:
        return (
            self.outcome in (None, entry.outcome)
            and self.source in (None, entry.source)
            and (self.action is None or self.action.search(entry.action) is not None)
        )


def rules(text: str) -> tuple[Rule, ...]:
    """The rules of a setting: separated by semicolons, `action=` last, for it may hold blanks.

    Raises RuleError.
    """
    return tuple(
        _rule(part.strip(), number) for number, part in enumerate(text.split(";"), 1) if part.strip()
    )


def _rule(text: str, number: int) -> Rule:
    urgency, _, rest = text.partition(" ")
    if urgency not in URGENCIES:
        raise RuleError(f"rule {number} must begin with {', '.join(URGENCIES[:-1])} or {URGENCIES[-1]}")
    known: dict[str, str] = {}
    while rest := rest.strip():
        match = _WORD.match(rest)
        if match is None or match[1] in known:
            raise RuleError(
                f"rule {number}: after {urgency} come outcome=…, source=… and action=…, once each"
            )
        value, rest = (match[2], "") if match[1] == "action" else _first_word(match[2])
        known[match[1]] = value
    if known.get("outcome", OUTCOMES[0]) not in OUTCOMES:
        raise RuleError(f"rule {number}: outcome must be one of {', '.join(OUTCOMES)}")
    return Rule(urgency, known.get("outcome"), known.get("source"), _pattern(known.get("action"), number))


def _first_word(text: str) -> tuple[str, str]:
    word, _, rest = text.partition(" ")
    return word, rest


def _pattern(text: str | None, number: int) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except (re.error, OverflowError, RecursionError):
        raise RuleError(f"rule {number}: action must be a regular expression") from None


def urgency(entry: Entry, own: tuple[Rule, ...] = ()) -> str:
    """How soon somebody must know of this entry."""
    for rule in own:
        if rule.matches(entry):
            return rule.urgency
    if entry.outcome == "failed":
        return CRITICAL if entry.details.get("escalation") is True else NOW
    return NOW if entry.action.startswith((BREACH, RECOVERY)) else LATER


def subject(entry: Entry) -> str:
    """What the entry is about: entries of one subject make one incident.

    A repair or a threshold by its name, else the `run`, else the sentence itself.
    """
    for key in ("threshold", "repair"):
        name = entry.details.get(key)
        if isinstance(name, str) and name:
            return f"{key} {name}"
    if entry.run is not None:
        return f"run {entry.run}"
    return f"{entry.source}: {entry.action}"


def facts(details: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """What of an entry's details is worth telling: short values, in their order."""
    told = []
    for key, value in details.items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and key != "output":
            told.append((key, str(value)))
    return tuple(told[:_MOST_FACTS])


_MOST_FACTS = 12
