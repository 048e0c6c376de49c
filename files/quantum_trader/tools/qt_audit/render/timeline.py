"""Where the parts of the timeline stand: a row a thing, above what was done, below while broken. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qt_audit.render import words
from qt_audit.render.svg import Box, Mark, hundredths
from qt_audit.report_data import Report, Row
from qt_audit.report_runs import BROKEN, REPAIR, Interval
from qt_audit.report_span import span
from qt_audit.report_time import grid, seconds, written

_MOST_BOXES = 240
"""More of them nobody tells apart: then those that are close are drawn as one."""


@dataclass(frozen=True)
class Track:
    """A row of the timeline."""

    y: float
    """Its middle."""
    label_y: float
    thing: str
    says: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Timeline:
    """When things were broken, repaired and checked."""

    width: int
    height: float
    left: float
    right: float
    top: float
    base: float
    tracks: tuple[Track, ...]
    ticks: tuple[Mark, ...]
    now: float | None
    """Where the present is, if the period is not over."""


def timeline(report: Report, width: int) -> Timeline:
    """The picture of repairs, and of the times that things were broken."""
    narrow = width < 500
    left, right = (0.0, width - 0.0) if narrow else (176.0, width - 8.0)
    row, top = (50.0, 22.0) if narrow else (34.0, 24.0)
    scale = _Scale(report.since, report.until, left, right)
    gap = 2.0
    while True:
        merged = [_merged(one, scale, report.known_until, gap) for one in report.rows]
        if sum(map(len, merged)) <= _MOST_BOXES:
            break
        gap *= 1.6
    tracks = []
    for number, (one, boxes) in enumerate(zip(report.rows, merged, strict=True)):
        middle = top + row * number + (34.0 if narrow else row / 2)
        placed = tuple(
            Box(box.x, hundredths(middle + box.y), box.width, box.height, box.kind, box.says) for box in boxes
        )
        label_y = middle - 17 if narrow else middle + 4
        tracks.append(Track(middle, label_y, words.clipped(one.thing, 60), _row_says(one), placed))
    base = top + row * len(report.rows) + 4
    known = report.known_until
    return Timeline(
        width,
        base + 4,
        left,
        right,
        top,
        base,
        tuple(tracks),
        _ticks(report, scale, 52 if narrow else 60),
        scale.x(known) if report.since < known < report.until else None,
    )


class _Scale:
    """From seconds to x."""

    def __init__(self, since: float, until: float, left: float, right: float) -> None:
        self._since, self._left, self._right = since, left, right
        self._factor = (right - left) / max(1.0, until - since)

    def x(self, moment: float) -> float:
        return hundredths(
            min(self._right, max(self._left, self._left + (moment - self._since) * self._factor))
        )


def _merged(row: Row, scale: _Scale, now: float, gap: float) -> list[Box]:
    """The boxes of a row; what lies less than `gap` apart, and is alike, is one box."""
    boxes: list[Box] = []
    kinds: dict[str, list[Interval]] = {}
    for one in row.intervals:
        kinds.setdefault(look(one), []).append(one)
    for kind in ("broken", "check", "started", "succeeded", "failed"):  # what comes later lies above
        for x, end, found in _together(kinds.get(kind, ()), scale, now, gap):
            below = kind == "broken"
            wide = max(end - x, 2.0 if below else 8.0)
            x = min(x, scale.x(float("inf")) - wide)
            boxes.append(
                Box(
                    hundredths(x),
                    3.0 if below else -9.0,
                    hundredths(wide),
                    7.0 if below else 8.0,
                    kind,
                    _box_says(kind, found),
                )
            )
    return boxes


def look(one: Interval) -> str:
    """How an interval is drawn."""
    if one.kind == BROKEN:
        return "broken"
    if one.outcome == "failed":
        return "failed"
    return one.outcome if one.outcome == "started" else "check" if one.kind == "check" else "succeeded"


def _together(
    intervals: Iterable[Interval], scale: _Scale, now: float, gap: float
) -> Iterable[tuple[float, float, list[Interval]]]:
    found: list[Interval] = []
    begin = end = 0.0
    for one in intervals:
        x = scale.x(0.0 if one.begin is None else one.begin)
        stop = one.end if one.end is not None else now if one.kind == BROKEN else one.begin
        right = max(x, scale.x(stop or 0.0))
        if found and x - end < gap:
            end = max(end, right)
            found.append(one)
            continue
        if found:
            yield begin, end, found
        begin, end, found = x, right, [one]
    if found:
        yield begin, end, found


_NAMES = {"broken": "broken", "failed": "failed", "started": "began and never ended", "check": "checked"}


def _box_says(kind: str, found: list[Interval]) -> str:
    one, last = found[0], found[-1]
    name = _NAMES.get(kind) or ("repaired" if one.kind == REPAIR else "done")
    begin = "before" if one.begin is None else words.moment(written(one.begin))
    if len(found) > 1:
        return f"{name} {len(found):,} times, {begin} to {words.moment(written(last.end or last.begin or 0))}"
    if one.end is None:
        return f"{name} since {begin}" if kind == "broken" else f"{name}: {begin}"
    took = f", {words.lasted(one.lasted)}" if one.lasted is not None else ""
    return (
        f"{name} {begin} to {words.moment(written(one.end))}{took}"
        if took
        else f"{name} until {words.moment(written(one.end))}"
    )


def _row_says(row: Row) -> str:
    broken = f"broken for {words.lasted(row.broken_s)}" if row.broken_s else ""
    acted = [one for one in row.intervals if one.kind != BROKEN]
    failed = sum(one.outcome == "failed" for one in acted)
    actions = f"{len(acted):,} {'action' if len(acted) == 1 else 'actions'}" if acted else ""
    return ", ".join(text for text in (broken, actions, f"{failed:,} failed" if failed else "") if text)


def _ticks(report: Report, scale: _Scale, room: float) -> tuple[Mark, ...]:
    """Days (or hours, months, years) as an axis, where there is room."""
    period = report.summary.period
    axis = grid(span(period.since, period.until))
    xs = [(scale.x(seconds(ts)), ts) for ts in axis.starts if ts >= period.since]
    if axis.unit == "day" and len(xs) > 14:
        xs = [(x, ts) for x, ts in xs if ts[8:10] in ("01", "08", "15", "22", "29")]
    marks: list[Mark] = []
    for x, ts in xs:
        if (marks and x - marks[-1].x < room) or x > scale.x(float("inf")) - room * 0.6:
            continue
        text = (
            f"{ts[11:16]}"
            if axis.unit == "hour"
            else words.day(ts)
            if axis.unit in ("day", "week")
            else words.brief_part(ts, axis.unit, True)
        )
        marks.append(Mark(x, 14, text))
    return tuple(marks)
