"""Counts actions as a summary does, a `run` once, by time, outcome and source. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from qt_audit.record.entry import OUTCOMES, Entry
from qt_audit.report.grid import Grid, seconds
from qt_audit.report.intervals import BROKEN, REPAIR, Interval, covered, within

_ENDINGS = ("succeeded", "failed")
_TIME = {"hour": 13, "day": 10}
"""So many characters of a time tell which part it lies in, where all parts are alike."""
_Key = tuple[str, str, str]
"""When, outcome, source."""


class Count:
    """Counts entries as they come, oldest first."""

    def __init__(self, unit: str) -> None:
        self.entries = 0
        self._size = _TIME.get(unit, 10)
        self._counts: dict[_Key, int] = {}
        self._runs: dict[str, _Key] = {}

    def add(self, entry: Entry) -> None:
        self.entries += 1
        outcome = entry.outcome
        key = (entry.ts[: self._size], outcome, entry.source)
        run = entry.run
        if run is not None:
            before = self._runs.get(run)
            if before is not None:
                ends = outcome in _ENDINGS or (outcome == "started" and before[1] not in _ENDINGS)
                if not ends:
                    return
                self._counts[before] -= 1
            self._runs[run] = key
        self._counts[key] = self._counts.get(key, 0) + 1

    def by_part(self, grid: Grid) -> list[dict[str, int]]:
        """Of each part of the time: how many actions of each outcome."""
        parts: list[dict[str, int]] = [dict.fromkeys(OUTCOMES, 0) for _ in grid.starts]
        for (when, outcome, _), number in self._counts.items():
            part = parts[grid.index(f"{when}~")]  # behind every time that begins so
            name = outcome if outcome in part else "info"
            part[name] += number
        return parts

    def by_source(self) -> dict[str, dict[str, int]]:
        """Of each source: how many actions of each outcome."""
        sources: dict[str, dict[str, int]] = {}
        for (_, outcome, source), number in self._counts.items():
            if number:
                counts = sources.setdefault(source, dict.fromkeys(OUTCOMES, 0))
                counts[outcome if outcome in counts else "info"] += number
        return sources


@dataclass(frozen=True)
class Figures:
    """A time in numbers, to be held against those of another."""

    entries: int
    actions: int
    succeeded: int
    failed: int
    unfinished: int
    """Actions that began, and did not end in this time."""
    breaches: int
    """How often something broke."""
    broken_s: float
    """Seconds in which at least one thing was broken."""
    repair_s: float | None
    """Median of the seconds that a repair took; None where none ended."""

    @property
    def success(self) -> float | None:
        """The part of what ended that ended well; None where nothing ended."""
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None


def figures(count: Count, intervals: list[Interval], since: str, until: str) -> Figures:
    """What was counted between two instants, and what of the intervals falls into them."""
    begin, end = seconds(since), seconds(until)
    totals = dict.fromkeys(OUTCOMES, 0)
    for counts in count.by_source().values():
        for outcome, number in counts.items():
            totals[outcome] += number
    broken = [one for one in within(intervals, begin, end) if one.kind == BROKEN]
    took = [one.lasted for one in intervals if one.kind == REPAIR and _ended(one, begin, end)]
    known = [seconds for seconds in took if seconds is not None]
    return Figures(
        count.entries,
        sum(totals.values()),
        totals["succeeded"],
        totals["failed"],
        totals["started"],
        sum(one.begin is not None and begin <= one.begin < end for one in broken),
        covered(broken, begin, end),
        median(known) if known else None,
    )


def _ended(one: Interval, begin: float, end: float) -> bool:
    return one.end is not None and begin <= one.end < end


@dataclass(frozen=True)
class SourceRow:
    """How the actions of one program went."""

    source: str
    actions: int
    succeeded: int
    failed: int
    median_s: float | None
    """Seconds from `started` to the end, or from a breach to the recovery; None where none is known."""
    longest_s: float | None

    @property
    def success(self) -> float | None:
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None


def source_rows(count: Count, intervals: list[Interval], since: str, until: str) -> list[SourceRow]:
    """A row a source, the one with most actions first."""
    begin, end = seconds(since), seconds(until)
    took: dict[str, list[float]] = {}
    for one in intervals:
        if one.lasted is not None and _ended(one, begin, end):
            took.setdefault(one.source, []).append(one.lasted)
    rows = [
        SourceRow(
            source,
            sum(counts.values()),
            counts["succeeded"],
            counts["failed"],
            median(took[source]) if source in took else None,
            max(took[source]) if source in took else None,
        )
        for source, counts in count.by_source().items()
    ]
    return sorted(rows, key=lambda row: (-row.actions, row.source))
