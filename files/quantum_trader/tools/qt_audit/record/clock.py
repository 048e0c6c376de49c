"""What a record says when the clock stepped back by more than five minutes: whether it was ahead, and where.

A leap ahead cannot be told from a quiet host when it happens. It is found out when the clock comes back: the
entries whose times have not come yet are then the last ones of the record, and between the first of them and
the entry before lies the leap. The leap is at least as long as the way back. Where no gap of that length is
found, or the clock says a year before 2025, the clock may be wrong now, and the entry says so.
"""

from __future__ import annotations

import time

from qt_audit.record import segments
from qt_audit.record.entry import MAX_LINE, Entry, timestamp
from qt_audit.record.parsing import parse_or_none
from qt_audit.record.recovery import Note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

MAX_STEP_BACK_S = 300.0
"""A clock that steps back by more seconds than this was wrong before, or is wrong now."""
DETAILS_KEY = "clock"
"""The key of the details of the entries about it: the record's own."""
AHEAD, BACK, SUMMARISED = "ahead", "back", "summarised"
"""States: entries bear times that had not come; the clock may be behind; only a summarised period had not."""
EARLIEST = "2025"
"""A clock that says an earlier year is wrong."""


class Return:
    """A clock that says a time well before the head's. `last_ts` is the last entry's time; "" without one."""

    __slots__ = ("last_ts", "new_segment", "notes")

    def __init__(self, record: int, head_ts: str, present: str) -> None:
        """Raises OSError if the record cannot be read."""
        in_order = segments.names(record)
        last = _last_entry(in_order, record)
        self.last_ts = last.ts if last is not None else ""
        self.new_segment = last is not None
        """Whether the month goes on in a new segment, where readers find the entries about it."""
        if last is None or seconds_between(present, last.ts) <= MAX_STEP_BACK_S:
            self.notes = [_note_of_summarised_period(self.last_ts, head_ts, present)]
            return
        before, first = (
            _leap(in_order, record, _latest_true(present)) if present >= EARLIEST else (None, None)
        )
        way_back = seconds_between(present, last.ts)
        if first is None or (
            before is not None and seconds_between(before.ts, first.ts) < way_back - MAX_STEP_BACK_S
        ):
            self.notes = [_note_of_step_back(last, present)]
        else:
            self.notes = _notes_of_leap(before, first, last, present)


def _notes_of_leap(before: Entry | None, first: Entry, last: Entry, present: str) -> list[Note]:
    clock = {
        "state": AHEAD,
        "first_seq": first.seq,
        "last_seq": last.seq,
        "from": first.ts,
        "until": last.ts,
        "after": before.ts if before is not None else None,
        "returned": present,
    }
    if first.seq == last.seq:
        which = f"entry {first.seq} bears the time {first.ts}"
    else:
        which = f"entries {first.seq} to {last.seq} bear times from {first.ts} to {last.ts}"
    since = "from the first entry on" if before is None else f"after {before.ts}"
    return [
        _note(f"Audit record: the clock leapt ahead {since}: {which}, which had not come", clock),
        _note(f"Audit record: the clock came back to {present}: entries bear its time again", clock),
    ]


def _note_of_step_back(last: Entry, present: str) -> Note:
    clock = {"state": BACK, "last_seq": last.seq, "from": present, "until": last.ts, "returned": present}
    return _note(
        f"Audit record: the clock stepped back from {last.ts} to {present}, and no entry shows that it was"
        " ahead: its time may be wrong from here on",
        clock,
    )


def _note_of_summarised_period(last_ts: str, head_ts: str, present: str) -> Note:
    clock = {"state": SUMMARISED, "after": last_ts or None, "until": head_ts, "returned": present}
    return _note(
        f"Audit record: the clock was ahead: a period up to {head_ts} was summarised, and it is {present};"
        " no entry bears a wrong time",
        clock,
    )


def _note(action: str, clock: dict[str, Any]) -> Note:
    return Note(action, "failed", {DETAILS_KEY: clock})


def _last_entry(in_order: list[str], record: int) -> Entry | None:
    for name in reversed(in_order):
        last = segments.last_line(name, record)
        if last is not None:
            return last.entry
    return None


def _latest_true(present: str) -> str:
    """The latest time that an entry may bear without a leap: that much a clock may step back."""
    seconds = seconds_between("1970-01-01T00:00:00.000000Z", present) + MAX_STEP_BACK_S
    return timestamp(round(seconds * 1_000_000))


def _leap(in_order: list[str], record: int, limit: str) -> tuple[Entry | None, Entry | None]:
    """The last entry up to this time, and the first one after it, searched from the end."""
    first: Entry | None = None
    for name in reversed(in_order):
        last = segments.last_line(name, record)
        if last is not None and last.entry.ts <= limit:
            return last.entry, first
        with segments.open_segment(name, record) as file:
            before, found = _first_later(file, limit)
        first = found or first
        if before is not None:
            return before, first
    return None, first


def _first_later(file: BinaryIO, limit: str) -> tuple[Entry | None, Entry | None]:
    """The last entry of a segment up to this time, and the first one after it."""
    before = b""
    mark = f'"ts":"{limit}"'.encode("ascii")
    while line := file.readline(MAX_LINE):
        begin = line.find(b'"ts":"')
        if begin < 0:
            continue
        if line[begin : begin + len(mark)] > mark:
            return parse_or_none(before), parse_or_none(line)
        before = line
    return parse_or_none(before), None


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one time to another, both as entries write them; negative if `later` is earlier."""
    from calendar import timegm  # needed only when the clock stepped back

    def seconds(ts: str) -> float:
        return timegm(time.strptime(ts[:19], "%Y-%m-%dT%H:%M:%S")) + int(ts[20:26]) / 1e6

    return round(seconds(later) - seconds(earlier), 6)
