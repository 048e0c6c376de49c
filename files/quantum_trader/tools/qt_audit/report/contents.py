"""The content of a report about a period, as plain data: entries go in, a Report comes out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qt_audit.report.figures import Count, Figures, SourceRow, figures, source_rows
from qt_audit.report.grid import Grid, seconds
from qt_audit.report.intervals import BROKEN, REPAIR, Interval, Runs, overlapping, seconds_covered
from qt_audit.report.span import ComparedPeriod
from qt_audit.summary.contents import Line, Summary

FAILED, ATTENTION, WELL, CLEAR, UNKNOWN = "failed", "attention", "well", "clear", "unknown"
"""Levels of a verdict, worst first; the last if the record does not hold the period."""
SLOWEST, SOURCES, ROWS, GROUPS, OPEN, RECENT = 10, 20, 12, 20, 20, 50
"""Most slow repairs, sources, rows of the timeline, groups of failures, open and last actions on a page."""


@dataclass(frozen=True)
class Part:
    """The actions of a day (or hour, week, month, year) by outcome."""

    since: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Row:
    """The intervals in which one thing was broken, repaired or checked."""

    thing: str
    intervals: tuple[Interval, ...]
    broken_s: float
    times: int
    """How often it was broken, repaired or checked."""


@dataclass(frozen=True)
class Group:
    """Failed entries, or first entries of actions, with the same text."""

    action: str
    source: str
    count: int
    first: str
    last: str


@dataclass(frozen=True)
class Verdict:
    """A level, and a sentence about the period."""

    level: str
    says: str


@dataclass(frozen=True)
class Report:
    """Everything that a page shows. Its lists are bounded, and what they leave out is counted."""

    summary: Summary
    host: str
    verdict: Verdict
    figures: Figures
    before: Figures | None
    """The figures of the compared period; None if the record does not hold it."""
    compared: ComparedPeriod | None
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
    """What had not recovered at the end of the period, or now; each thing once."""
    failures: tuple[Group, ...]
    failures_left_out: int
    """Failures that are in no group."""
    never_ended: tuple[Group, ...]
    never_ended_left_out: int
    unknown: str
    """Why the record does not hold the whole period; empty if it does."""
    chain: str
    """The result of a check of the whole chain; empty if none was made."""
    delivery: Mapping[str, str]
    """The state of each channel in words, by its name."""

    @property
    def since(self) -> float:
        return seconds(self.summary.period.since)

    @property
    def until(self) -> float:
        return seconds(self.summary.period.until)

    @property
    def known_until(self) -> float:
        """The end of the period, or now if that is earlier."""
        return min(self.until, max(self.since, seconds(self.summary.as_of)))


@dataclass(frozen=True)
class ReportContext:
    """Facts for a report that the entries of the period do not hold."""

    host: str = ""
    unknown: str = ""
    chain: str = ""
    delivery: Mapping[str, str] | None = None


def build_report(
    summary: Summary,
    count: Count,
    runs: Runs,
    grid: Grid,
    compared: tuple[ComparedPeriod, Count] | None,
    context: ReportContext,
) -> Report:
    """Make a report of what was counted. `runs` has followed the compared period, too, if there is one."""
    period, all_intervals = summary.period, runs.intervals()
    known_until = min(period.until, max(summary.as_of, period.since))
    begin, end = seconds(period.since), seconds(known_until)
    in_period = overlapping(all_intervals, begin, end)
    rows = _rows(in_period, begin, end)
    sources = source_rows(count, all_intervals, period.since, period.until)
    repairs = sorted(
        (
            one
            for one in in_period
            if one.kind == REPAIR and one.duration_s is not None and (one.end or 0) < end
        ),
        key=lambda one: (-(one.duration_s or 0.0), one.seq),
    )
    still_broken = {
        one.thing: one for one in reversed(in_period) if one.kind == BROKEN and _ends_after(one, end)
    }
    groups, never_ended = _groups(summary.failed.lines), _groups(summary.never_ended.lines)
    return Report(
        summary=summary,
        host=context.host,
        verdict=verdict(summary, len(still_broken), context.unknown),
        figures=figures(count, all_intervals, period.since, known_until),
        before=None
        if compared is None
        else figures(compared[1], all_intervals, compared[0].since, compared[0].until),
        compared=None if compared is None else compared[0],
        unit=grid.unit,
        parts=tuple(map(Part, grid.starts, count.by_part(grid))),
        rows=tuple(rows[:ROWS]),
        rows_left_out=max(0, len(rows) - ROWS),
        sources=tuple(sources[:SOURCES]),
        sources_left_out=max(0, len(sources) - SOURCES),
        slowest=tuple(repairs[:SLOWEST]),
        repairs=len(repairs),
        still_broken=tuple(still_broken.values())[-OPEN:][::-1],
        failures=tuple(groups[:GROUPS]),
        failures_left_out=summary.failed.count - sum(group.count for group in groups[:GROUPS]),
        never_ended=tuple(never_ended[:GROUPS]),
        never_ended_left_out=summary.never_ended.count - sum(group.count for group in never_ended[:GROUPS]),
        unknown=context.unknown,
        chain=context.chain,
        delivery=dict(context.delivery or {}),
    )


def _ends_after(one: Interval, end: float) -> bool:
    return one.end is None or one.end >= end


def _rows(intervals: Iterable[Interval], begin: float, end: float) -> list[Row]:
    """One row for each thing: the longest broken first, then those repaired most often."""
    things: dict[str, list[Interval]] = {}
    for one in intervals:
        things.setdefault(one.thing, []).append(one)
    rows = [
        Row(
            thing,
            tuple(sorted(found, key=lambda one: one.begin or 0.0)),
            seconds_covered((one for one in found if one.kind == BROKEN), begin, end),
            len(found),
        )
        for thing, found in things.items()
    ]
    return sorted(rows, key=lambda row: (-row.broken_s, -row.times, row.thing))


def _groups(lines: Iterable[Line]) -> list[Group]:
    """Lines of the same text as one group; the group that failed last comes first."""
    groups: dict[tuple[str, str], Group] = {}
    for line in lines:
        key = (line.action, line.source)
        group = groups.pop(key, None)
        first, number = (group.first, group.count) if group is not None else (line.ts, 0)
        groups[key] = Group(line.action, line.source, number + 1, first, line.ts)
    return list(groups.values())[::-1]


def verdict(summary: Summary, still_broken: int = 0, unknown: str = "") -> Verdict:
    """The verdict about a period. `unknown` says why the record does not hold all of it."""
    so_far = "" if summary.complete else " so far"
    failed, actions = summary.failed.count, summary.actions
    open_points = [
        _counted(summary.never_ended.count, "1 began and never ended", "{} began and never ended"),
        _counted(still_broken, "1 thing is still broken", "{} things are still broken")
        if not summary.complete
        else _counted(still_broken, "1 thing was broken at the end", "{} things were broken at the end"),
        _counted(summary.unreadable, "1 line is unreadable", "{} lines are unreadable"),
        "the clock was wrong" if summary.clock else "",
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
