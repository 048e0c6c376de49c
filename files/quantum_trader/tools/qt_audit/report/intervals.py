"""Intervals of time: actions from `started` to their end, and things while they were broken. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from qt_audit.record.entry import ENDINGS, Entry
from qt_audit.report.grid import seconds

REPAIR, CHECK, ACTION, BROKEN = "repair", "check", "action", "broken"
MAX_TEXT = 300
"""Characters of an action that are kept."""
_INCIDENT = "Auto-heal: "
_OPENS = ("Auto-heal: Triggered", "Auto-heal: Realtime monitor threshold breach")
_CLOSES = ("Auto-heal: Recovered",)
_CLOSES_WITHIN = (" is no longer watched", " has stopped flapping")
_CHECK = "Weekly self-heal: "
_DETAILS, _PREV = b',"details":', b',"prev":"'


class Interval(NamedTuple):
    """An action or a broken thing, from `begin` to `end`, in seconds since the epoch."""

    kind: str
    """repair; check (the weekly validation); action (any other run); broken (from the breach of a threshold
    to its recovery)."""
    begin: float | None
    """None: before the entries that were read."""
    end: float | None
    """None: its end is not in the entries that were read."""
    outcome: str
    """How it ended; `started` if it did not."""
    thing: str
    """What it is about: the row of the timeline."""
    action: str
    source: str
    seq: int
    """The number of its last entry."""

    @property
    def duration_s(self) -> float | None:
        """Its duration in seconds; None if unknown."""
        return None if self.begin is None or self.end is None else max(0.0, self.end - self.begin)


def relevant_details(line: bytes) -> dict[str, Any]:
    """The details of a line that says what its run is about and since when; {} for any other line."""
    if b'"run":null' in line:
        return {}
    if b'"repair":' in line:
        if b'"outcome":"started"' not in line:
            return {}
    elif b'"threshold":' not in line or not (b'"since":' in line or b'"changes":' in line):
        return {}
    try:
        details = json.loads(line[line.index(_DETAILS) + len(_DETAILS) : line.rindex(_PREV)])
    except (ValueError, RecursionError):
        return {}
    return details if isinstance(details, dict) else {}


class _Run:
    """What is known of one `run` so far."""

    __slots__ = ("action", "begin", "end", "kind", "outcome", "seq", "source", "thing", "trigger", "watched")

    def __init__(self, entry: Entry, kind: str) -> None:
        self.kind = kind
        self.begin: float | None = None
        self.end: float | None = None
        self.outcome = "started"
        self.thing = ""
        self.trigger = ""
        self.watched = False
        """Whether the monitor watches it: then only the recovery ends it."""
        self.action = entry.action[: MAX_TEXT + 1]
        self.source = entry.source
        self.seq = entry.seq


class Runs:
    """Follows runs through entries, given oldest first."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def add(self, entry: Entry) -> None:
        if entry.run is None:
            return
        run = self._runs.get(entry.run)
        if run is None:
            run = self._runs[entry.run] = _Run(entry, _kind(entry.action))
            if entry.outcome == "started" or entry.action.startswith(_OPENS) or _says_flapping(entry.action):
                run.begin = _begin_of(entry)
        run.seq = entry.seq
        if entry.details:
            _add_details(run, entry.details)
        if run.kind == BROKEN:
            _follow_incident(run, entry)
        elif entry.outcome in ENDINGS:
            run.end, run.outcome = seconds(entry.ts), entry.outcome
            run.action, run.source = entry.action[: MAX_TEXT + 1], entry.source

    def intervals(self) -> list[Interval]:
        """The intervals of all runs, in the order in which they began."""
        things = {run: known.thing for run, known in self._runs.items() if known.kind == BROKEN}
        return [
            Interval(
                known.kind,
                known.begin,
                known.end,
                known.outcome,
                things.get(known.trigger) or known.thing or known.source,
                known.action,
                known.source,
                known.seq,
            )
            for known in self._runs.values()
            if known.begin is not None or known.end is not None or known.kind == BROKEN
        ]


def _kind(action: str) -> str:
    if action.startswith(_INCIDENT):
        return BROKEN
    if action.startswith(_CHECK):
        return CHECK
    return REPAIR if "repair" in action.lower() else ACTION


def _says_flapping(action: str) -> bool:
    return action.startswith(_INCIDENT) and " is flapping " in action


def _begin_of(entry: Entry) -> float:
    """When it began; an incident says in its details since when the threshold is in breach."""
    at = seconds(entry.ts)
    since = entry.details.get("since") if entry.action.startswith(_INCIDENT) else None
    if isinstance(since, str) and since <= entry.ts:
        try:
            return min(at, seconds(since) or at)
        except (ValueError, IndexError):
            return at
    return at


def _add_details(run: _Run, details: dict[str, Any]) -> None:
    key = "threshold" if run.kind == BROKEN else "repair"
    thing, trigger = details.get(key), details.get("trigger")
    if isinstance(thing, str) and not run.thing:
        run.thing = thing[:MAX_TEXT]
        run.watched = key == "threshold"
        run.kind = REPAIR if run.kind == ACTION else run.kind
    if isinstance(trigger, str):
        run.trigger = trigger


def _follow_incident(run: _Run, entry: Entry) -> None:
    over = entry.action.startswith(_CLOSES) or any(part in entry.action for part in _CLOSES_WITHIN)
    if over or (entry.outcome == "succeeded" and not run.watched):
        run.end, run.outcome = seconds(entry.ts), "succeeded"
        lasted = entry.details.get("lasted_s")
        if run.begin is not None and isinstance(lasted, (int, float)) and lasted >= 0:
            run.end = min(run.end, run.begin + lasted)
    elif entry.outcome == "started":
        run.end, run.outcome = None, "started"


def overlapping(intervals: Iterable[Interval], since: float, until: float) -> list[Interval]:
    """The intervals that overlap a period."""
    return [
        one
        for one in intervals
        if (one.begin is None or one.begin < until)
        and (one.end is None or one.end >= since)
        and (one.kind == BROKEN or one.end is not None or (one.begin or 0.0) >= since)
    ]


def seconds_covered(intervals: Iterable[Interval], since: float, until: float) -> float:
    """Seconds of a period that at least one of the intervals covers."""
    total, reached = 0.0, since
    for one in sorted(intervals, key=lambda one: one.begin or 0.0):
        begin = max(since if one.begin is None else one.begin, reached)
        end = min(until if one.end is None else one.end, until)
        if end > begin:
            total += end - begin
            reached = end
    return total
