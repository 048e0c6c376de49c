"""The positions of the timeline: a row for each thing, its actions above, its broken times below. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from qt_audit.render import words
from qt_audit.render.svg import AxisLabel, Box, hundredths
from qt_audit.report.contents import Report, Row
from qt_audit.report.grid import as_timestamp, grid, seconds
from qt_audit.report.intervals import BROKEN, REPAIR, Interval
from qt_audit.report.span import span

_MOST_BOXES = 240
"""If there are more boxes, equal ones that are close are drawn as one."""


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
    ticks: tuple[AxisLabel, ...]
    now: float | None
    """The x of the present, if the period is not over."""


def timeline(report: Report, width: int) -> Timeline:
    """The picture of repairs and of the times while things were broken."""
    narrow = width < 500
    left, right = (0.0, width - 0.0) if narrow else (176.0, width - 8.0)
    row, top = (50.0, 22.0) if narrow else (34.0, 24.0)
    scale = _TimeScale(report.since, report.until, left, right)
    rows = [_pieces(one, scale, report.known_until) for one in report.rows]
    gap = 2.0
    while True:
        rows = [_merged(pieces, gap) for pieces in rows]
        if sum(map(len, rows)) <= _MOST_BOXES:
            break
        gap *= 1.6
    tracks = []
    for number, (one, pieces) in enumerate(zip(report.rows, rows, strict=True)):
        middle = top + row * number + (34.0 if narrow else row / 2)
        placed = tuple(_box(piece, middle, scale) for piece in pieces)
        label_y = middle - 17 if narrow else middle + 4
        tracks.append(Track(middle, label_y, words.clipped(one.thing, 60), _row_label(one), placed))
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
        hundredths(scale.x(known)) if report.since < known < report.until else None,
    )


class _TimeScale:
    """From seconds to x."""

    def __init__(self, since: float, until: float, left: float, right: float) -> None:
        self._since, self._left, self._right = since, left, right
        self._factor = (right - left) / max(1.0, until - since)

    def x(self, moment: float) -> float:
        return min(self._right, max(self._left, self._left + (moment - self._since) * self._factor))


class _Piece(NamedTuple):
    """What is drawn as one box: an interval, or several equal ones that are close."""

    kind: str
    x: float
    end: float
    first: Interval
    last: Interval
    number: int


def _pieces(row: Row, scale: _TimeScale, now: float) -> list[_Piece]:
    """The intervals of a row, sorted by kind: a later one is drawn over an earlier one."""
    pieces = []
    for one in row.intervals:
        x = scale.x(0.0 if one.begin is None else one.begin)
        stop = one.end if one.end is not None else now if one.kind == BROKEN else one.begin
        pieces.append(_Piece(box_kind(one), x, max(x, scale.x(stop or 0.0)), one, one, 1))
    return sorted(pieces, key=lambda piece: _LAYERS.index(piece.kind))


def _merged(pieces: Iterable[_Piece], gap: float) -> list[_Piece]:
    """The pieces, with equal ones that are less than `gap` apart as one."""
    found: list[_Piece] = []
    for piece in pieces:
        before = found[-1] if found else None
        if before is not None and before.kind == piece.kind and piece.x - before.end < gap:
            end, number = max(before.end, piece.end), before.number + piece.number
            found[-1] = _Piece(piece.kind, before.x, end, before.first, piece.last, number)
        else:
            found.append(piece)
    return found


def _box(piece: _Piece, middle: float, scale: _TimeScale) -> Box:
    below = piece.kind == "broken"
    wide = max(piece.end - piece.x, 2.0 if below else 8.0)
    x = min(piece.x, scale.x(float("inf")) - wide)
    return Box(
        hundredths(x),
        hundredths(middle + (3.0 if below else -9.0)),
        hundredths(wide),
        7.0 if below else 8.0,
        piece.kind,
        _piece_label(piece),
    )


def box_kind(one: Interval) -> str:
    """The style in which an interval is drawn."""
    if one.kind == BROKEN:
        return "broken"
    if one.outcome == "failed":
        return "failed"
    return one.outcome if one.outcome == "started" else "check" if one.kind == "check" else "succeeded"


_LAYERS = ("broken", "check", "started", "succeeded", "failed")
_NAMES = {"broken": "broken", "failed": "failed", "started": "began and never ended", "check": "checked"}


def _piece_label(piece: _Piece) -> str:
    one, last = piece.first, piece.last
    name = _NAMES.get(piece.kind) or ("repaired" if one.kind == REPAIR else "done")
    begin = "before" if one.begin is None else words.moment(as_timestamp(one.begin))
    if piece.number > 1:
        end = words.moment(as_timestamp(last.end or last.begin or 0))
        return f"{name} {piece.number:,} times, {begin} to {end}"
    if one.end is None:
        return f"{name} since {begin}" if piece.kind == "broken" else f"{name}: {begin}"
    end = words.moment(as_timestamp(one.end))
    return (
        f"{name} until {end}"
        if one.duration_s is None
        else f"{name} {begin} to {end}, {words.duration(one.duration_s)}"
    )


def _row_label(row: Row) -> str:
    broken = f"broken for {words.duration(row.broken_s)}" if row.broken_s else ""
    acted = [one for one in row.intervals if one.kind != BROKEN]
    failed = sum(one.outcome == "failed" for one in acted)
    actions = f"{len(acted):,} {'action' if len(acted) == 1 else 'actions'}" if acted else ""
    return ", ".join(text for text in (broken, actions, f"{failed:,} failed" if failed else "") if text)


def _ticks(report: Report, scale: _TimeScale, room: float) -> tuple[AxisLabel, ...]:
    """The labels of the axis: days, hours, months or years, as many as there is room for."""
    period = report.summary.period
    axis = grid(span(period.since, period.until))
    xs = [(scale.x(seconds(ts)), ts) for ts in axis.starts if ts >= period.since]
    if axis.unit == "day" and len(xs) > 14:
        xs = [(x, ts) for x, ts in xs if ts[8:10] in ("01", "08", "15", "22", "29")]
    marks: list[AxisLabel] = []
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
        marks.append(AxisLabel(hundredths(x), 14, text))
    return tuple(marks)
