"""Count actions by time, outcome and source. As in a summary, a `run` is one action. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from qt_audit.record.entry import OUTCOMES, Entry
from qt_audit.report.grid import Grid, seconds
from qt_audit.report.intervals import BROKEN, REPAIR, Interval, overlapping, seconds_covered
from qt_audit.summary.contents import decides_run

_TIME = {"hour": 13, "day": 10}
"""So many characters of a time are the key of its part of the grid."""
_Key = tuple[str, str, str]
"""Time, outcome, source."""


class Count:
    """Counts entries one by one, oldest first."""

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
                if not decides_run(outcome, before[1]):
                    return
                self._counts[before] -= 1
            self._runs[run] = key
        self._counts[key] = self._counts.get(key, 0) + 1

    def by_part(self, grid: Grid) -> list[dict[str, int]]:
        """For each part of the grid: how many actions had each outcome."""
        parts: list[dict[str, int]] = [dict.fromkeys(OUTCOMES, 0) for _ in grid.starts]
        for (when, outcome, _), number in self._counts.items():
            part = parts[grid.index(f"{when}~")]  # "~" is later than every time that begins so
            name = outcome if outcome in part else "info"
            part[name] += number
        return parts

    def by_source(self) -> dict[str, dict[str, int]]:
        """For each source: how many actions had each outcome."""
        sources: dict[str, dict[str, int]] = {}
        for (_, outcome, source), number in self._counts.items():
            if number:
                counts = sources.setdefault(source, dict.fromkeys(OUTCOMES, 0))
                counts[outcome if outcome in counts else "info"] += number
        return sources


@dataclass(frozen=True)
class Figures:
    """The figures of a period, to be compared with those of another."""

    entries: int
    actions: int
    succeeded: int
    failed: int
    unfinished: int
    """Actions that began in the period and did not end in it."""
    breaches: int
    """How often something broke."""
    broken_s: float
    """Seconds in which at least one thing was broken."""
    repair_s: float | None
    """Median duration of a repair, in seconds; None if none ended."""

    @property
    def success(self) -> float | None:
        """The part of the ended actions that succeeded, 0 to 1; None if none ended."""
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None


def figures(count: Count, intervals: list[Interval], since: str, until: str) -> Figures:
    """The figures between two instants, of the counted actions and of the intervals."""
    begin, end = seconds(since), seconds(until)
    totals = dict.fromkeys(OUTCOMES, 0)
    for counts in count.by_source().values():
        for outcome, number in counts.items():
            totals[outcome] += number
    broken = [one for one in overlapping(intervals, begin, end) if one.kind == BROKEN]
    repair_durations = [one.duration_s for one in intervals if one.kind == REPAIR and _ended(one, begin, end)]
    durations = [seconds for seconds in repair_durations if seconds is not None]
    return Figures(
        count.entries,
        sum(totals.values()),
        totals["succeeded"],
        totals["failed"],
        totals["started"],
        sum(one.begin is not None and begin <= one.begin < end for one in broken),
        seconds_covered(broken, begin, end),
        median(durations) if durations else None,
    )


def _ended(one: Interval, begin: float, end: float) -> bool:
    return one.end is not None and begin <= one.end < end


@dataclass(frozen=True)
class SourceRow:
    """The results of the actions of one program."""

    source: str
    actions: int
    succeeded: int
    failed: int
    median_s: float | None
    """Median duration in seconds, from `started` to the end or from breach to recovery; None if unknown."""
    longest_s: float | None

    @property
    def success(self) -> float | None:
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None


def source_rows(count: Count, intervals: list[Interval], since: str, until: str) -> list[SourceRow]:
    """One row for each source, the one with the most actions first."""
    begin, end = seconds(since), seconds(until)
    took: dict[str, list[float]] = {}
    for one in intervals:
        if one.duration_s is not None and _ended(one, begin, end):
            took.setdefault(one.source, []).append(one.duration_s)
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
