"""What a report tells of a period, as plain data; entries go in, a Report comes out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qt_audit.report.figures import Count, Figures, SourceRow, figures, source_rows
from qt_audit.report.grid import Grid, seconds
from qt_audit.report.intervals import BROKEN, REPAIR, Interval, Runs, covered, within
from qt_audit.report.span import Before
from qt_audit.summary.contents import Line, Summary

FAILED, ATTENTION, WELL, CLEAR, UNKNOWN = "failed", "attention", "well", "clear", "unknown"
"""How a period was, worst first; the last where the record does not tell."""
SLOWEST, SOURCES, ROWS, GROUPS, OPEN, RECENT = 10, 20, 12, 20, 20, 50
"""At most so many slow repairs, sources, rows of the timeline, groups of failures, open and last actions."""


@dataclass(frozen=True)
class Part:
    """A day (or hour, week, month, year) in numbers."""

    since: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Row:
    """What happened to one thing: when it was broken, when it was repaired or checked."""

    thing: str
    intervals: tuple[Interval, ...]
    broken_s: float
    times: int
    """How often it was broken, repaired or checked."""


@dataclass(frozen=True)
class Group:
    """Failures, or beginnings, that say the same."""

    action: str
    source: str
    count: int
    first: str
    last: str


@dataclass(frozen=True)
class Verdict:
    """How the period was, in a word and in a sentence."""

    level: str
    says: str


@dataclass(frozen=True)
class Report:
    """Everything that a page shows. Bounded: what is left out is counted."""

    summary: Summary
    host: str
    verdict: Verdict
    figures: Figures
    before: Figures | None
    """The same of the time that it is compared with; None where the record does not tell of it."""
    compared: Before | None
    unit: str
    parts: tuple[Part, ...]
    rows: tuple[Row, ...]
    rows_left_out: int
    sources: tuple[SourceRow, ...]
    sources_left_out: int
    slowest: tuple[Interval, ...]
    repairs: int
    """Repairs that ended in the period."""
    still_broken: tuple[Interval, ...]
    """What had not recovered when the period ended, or now; each thing once."""
    failures: tuple[Group, ...]
    failures_left_out: int
    """Failures that no group holds."""
    never_ended: tuple[Group, ...]
    never_ended_left_out: int
    unknown: str
    """Why the record does not tell of the whole period; empty if it does."""
    chain: str
    """What a check of the whole chain found; empty if none was made."""
    delivery: Mapping[str, str]
    """How messages get through, in words, by name."""

    @property
    def since(self) -> float:
        return seconds(self.summary.period.since)

    @property
    def until(self) -> float:
        return seconds(self.summary.period.until)

    @property
    def known_until(self) -> float:
        """The end of the period, or now where that is earlier."""
        return min(self.until, max(self.since, seconds(self.summary.as_of)))


@dataclass(frozen=True)
class Around:
    """What is told of a period that its own entries do not say."""

    host: str = ""
    unknown: str = ""
    chain: str = ""
    delivery: Mapping[str, str] | None = None


def report(
    summary: Summary,
    count: Count,
    runs: Runs,
    grid: Grid,
    earlier: tuple[Before, Count] | None,
    around: Around,
) -> Report:
    """Put together what was counted. `runs` has followed the time before, too, where there is one."""
    period, every = summary.period, runs.intervals()
    known = min(period.until, max(summary.as_of, period.since))
    begin, end = seconds(period.since), seconds(known)
    here = within(every, begin, end)
    rows = _rows(here, begin, end)
    sources = source_rows(count, every, period.since, period.until)
    repairs = sorted(
        (one for one in here if one.kind == REPAIR and one.lasted is not None and (one.end or 0) < end),
        key=lambda one: (-(one.lasted or 0.0), one.seq),
    )
    still = {one.thing: one for one in reversed(here) if one.kind == BROKEN and _lasts(one, end)}
    groups, unended = _groups(summary.failed.lines), _groups(summary.never_ended.lines)
    return Report(
        summary=summary,
        host=around.host,
        verdict=verdict(summary, len(still), around.unknown),
        figures=figures(count, every, period.since, known),
        before=None if earlier is None else figures(earlier[1], every, earlier[0].since, earlier[0].until),
        compared=None if earlier is None else earlier[0],
        unit=grid.unit,
        parts=tuple(map(Part, grid.starts, count.by_part(grid))),
        rows=tuple(rows[:ROWS]),
        rows_left_out=max(0, len(rows) - ROWS),
        sources=tuple(sources[:SOURCES]),
        sources_left_out=max(0, len(sources) - SOURCES),
        slowest=tuple(repairs[:SLOWEST]),
        repairs=len(repairs),
        still_broken=tuple(still.values())[-OPEN:][::-1],
        failures=tuple(groups[:GROUPS]),
        failures_left_out=summary.failed.count - sum(group.count for group in groups[:GROUPS]),
        never_ended=tuple(unended[:GROUPS]),
        never_ended_left_out=summary.never_ended.count - sum(group.count for group in unended[:GROUPS]),
        unknown=around.unknown,
        chain=around.chain,
        delivery=dict(around.delivery or {}),
    )


def _lasts(one: Interval, end: float) -> bool:
    return one.end is None or one.end >= end


def _rows(intervals: Iterable[Interval], begin: float, end: float) -> list[Row]:
    """A row a thing: the longest broken first, then those that were repaired most often."""
    things: dict[str, list[Interval]] = {}
    for one in intervals:
        things.setdefault(one.thing, []).append(one)
    rows = [
        Row(
            thing,
            tuple(sorted(found, key=lambda one: one.begin or 0.0)),
            covered((one for one in found if one.kind == BROKEN), begin, end),
            len(found),
        )
        for thing, found in things.items()
    ]
    return sorted(rows, key=lambda row: (-row.broken_s, -row.times, row.thing))


def _groups(lines: Iterable[Line]) -> list[Group]:
    """Lines that say the same as one, the one that failed last first."""
    groups: dict[tuple[str, str], Group] = {}
    for line in lines:
        key = (line.action, line.source)
        known = groups.pop(key, None)
        first, number = (known.first, known.count) if known is not None else (line.ts, 0)
        groups[key] = Group(line.action, line.source, number + 1, first, line.ts)
    return list(groups.values())[::-1]


def verdict(summary: Summary, still_broken: int = 0, unknown: str = "") -> Verdict:
    """How a period was. `unknown` says why the record does not tell of all of it."""
    so_far = "" if summary.complete else " so far"
    failed, actions = summary.failed.count, summary.actions
    open_points = [
        _counted(summary.never_ended.count, "1 began and never ended", "{} began and never ended"),
        _counted(still_broken, "1 thing is still broken", "{} things are still broken")
        if not summary.complete
        else _counted(still_broken, "1 thing was broken at the end", "{} things were broken at the end"),
        _counted(summary.unreadable, "1 line is unreadable", "{} lines are unreadable"),
    ]
    more = "".join(f"; {text}" for text in open_points if text)
    if failed:
        return Verdict(FAILED, f"{failed:,} of {_actions(actions)} failed{so_far}{more}")
    if more:
        return Verdict(ATTENTION, f"{_actions(actions)}{so_far}, none failed{more}")
    if actions:
        return Verdict(WELL, f"{_actions(actions)}{so_far}, none failed")
    if unknown:
        return Verdict(UNKNOWN, f"Nothing is recorded{so_far}: {unknown}")
    return Verdict(CLEAR, f"All clear{so_far}: no auto-repair actions were needed")


def _actions(number: int) -> str:
    return f"{number:,} action" if number == 1 else f"{number:,} actions"


def _counted(number: int, one: str, many: str) -> str:
    return (one if number == 1 else many.format(f"{number:,}")) if number else ""
