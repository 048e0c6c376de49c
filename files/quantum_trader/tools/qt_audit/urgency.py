"""Decide which entries are reported at once, and which wait for the summaries. Pure.

The operator's rules (QT_NOTIFY_RULES) come first; the first one that matches decides:

    now outcome=failed source=trading_agent; later action=^Smoke; critical action=margin call

Then the built-in rules apply: failures, escalations, breached thresholds and their recoveries are reported at
once. The delivery's own entries are never reported at once, because reporting them could cause new ones.

The module has plain classes and few imports, because each program that records an entry loads it.
"""

from __future__ import annotations

import re

from qt_audit.record.entry import OUTCOMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    class EntryLike(Protocol):
        """The parts of an entry, or of a draft, that the rules use."""

        @property
        def action(self) -> str: ...
        @property
        def source(self) -> str: ...
        @property
        def outcome(self) -> str: ...
        @property
        def run(self) -> str | None: ...
        @property
        def details(self) -> Mapping[str, Any]: ...


LATER, NOW, CRITICAL = "later", "now", "critical"
URGENCIES = (LATER, NOW, CRITICAL)
SOURCE = "audit_delivery"
"""The source of the entries that the delivery writes about itself."""
_BREACH, _RECOVERED = "Auto-heal: Triggered by", "Auto-heal: Recovered"
_CONDITION = re.compile(r"(outcome|source|action)=(.*)", re.DOTALL)


class RuleError(ValueError):
    """A rule cannot be used. The text says which one and why."""


class Rule:
    """One rule: entries that match all its conditions have its urgency."""

    __slots__ = ("_action", "_outcome", "_source", "urgency")

    def __init__(
        self, urgency: str, outcome: str | None, source: str | None, action: re.Pattern[str] | None
    ) -> None:
        self.urgency = urgency
        self._outcome = outcome
        self._source = source
        self._action = action

    def matches(self, entry: EntryLike) -> bool:
        """Whether all conditions hold. `action` is a regular expression, found anywhere in the sentence."""
        return (
            self._outcome in (None, entry.outcome)
            and self._source in (None, entry.source)
            and (self._action is None or self._action.search(entry.action) is not None)
        )


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a setting, separated by semicolons. In each, `action=` comes last: it may contain blanks.

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
        match = _CONDITION.match(rest)
        if match is None or match[1] in known:
            raise RuleError(
                f"rule {number}: after {urgency} come outcome=…, source=… and action=…, once each"
            )
        value, _, rest = (match[2], "", "") if match[1] == "action" else match[2].partition(" ")
        if not value:
            raise RuleError(f"rule {number}: {match[1]}= has no value")
        known[match[1]] = value
    if not known:
        raise RuleError(f"rule {number}: after {urgency} come outcome=…, source=… or action=…")
    if known.get("outcome", OUTCOMES[0]) not in OUTCOMES:
        raise RuleError(f"rule {number}: outcome must be one of {', '.join(OUTCOMES)}")
    return Rule(urgency, known.get("outcome"), known.get("source"), _pattern(known.get("action"), number))


def _pattern(text: str | None, number: int) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except (re.error, OverflowError, RecursionError):
        raise RuleError(f"rule {number}: action must be a regular expression") from None


def urgency_of(entry: EntryLike, rules: tuple[Rule, ...] = ()) -> str:
    """LATER, NOW or CRITICAL: how soon somebody must know of this entry."""
    if entry.source == SOURCE:
        return LATER
    for rule in rules:
        if rule.matches(entry):
            return rule.urgency
    if entry.outcome == "failed":
        return CRITICAL if entry.details.get("escalation") is True else NOW
    return NOW if entry.action.startswith((_BREACH, _RECOVERED)) else LATER
