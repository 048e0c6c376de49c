"""When the clock was wrong: what the record's own entries at the begin of its numbered segments say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from qt_audit.reading.window import END, OpenRecord, WindowLines
from qt_audit.record import segments
from qt_audit.record.clock import AHEAD, BACK, DETAILS_KEY
from qt_audit.record.entry import MAX_LINE, Entry, EntryError
from qt_audit.record.parsing import parse, parse_or_none
from qt_audit.record.place import Place
from qt_audit.record.reserved import RECORD_SOURCE

_MAX_NOTES = 4
"""The entry about the clock is among the first so many of a segment."""


@dataclass(frozen=True)
class WrongClock:
    """A time in which the clock was wrong, as an entry says; times as entries write them."""

    seq: int
    """The number of the entry that says so."""
    state: str
    first_seq: int
    """The first entry with a wrong time; 0 if that is not known."""
    last_seq: int
    wrong_from: str
    """The first and the last wrong time; empty if no entry bears one."""
    wrong_until: str
    after: str
    """The last right time before it; empty if there is none."""
    returned: str
    came_ahead: str = ""
    """Of a clock that may have fallen behind: the first time that is no longer behind; empty without one."""

    def concerns(self, since: str, until: str) -> bool:
        """Whether a period's entries are incomplete, or bear times that are not to be trusted."""
        if self.state == BACK:
            return since <= self.returned < until or (
                self.wrong_until < until and since <= (self.came_ahead or self.wrong_until)
            )
        in_truth = (self.after or self.returned) < until and since <= self.returned
        return in_truth or (bool(self.wrong_from) and self.wrong_from < until and since <= self.wrong_until)

    def made_while_ahead(self, as_of: str, head_seq: int) -> bool:
        """Whether something that bears this time and head was made while the clock was ahead."""
        return self.state != BACK and head_seq < self.seq and as_of > self.returned

    def text(self) -> str:
        """A sentence for people."""
        if self.state == BACK:
            until = f", until {self.came_ahead}" if self.came_ahead else ""
            return (
                f"it stepped back from {self.wrong_until} to {self.returned} at entry {self.seq}{until};"
                " no entry shows that it had been ahead, so it may have been behind"
            )
        when = f"between {self.after} and {self.returned}" if self.after else f"until {self.returned}"
        if self.state != AHEAD:
            return f"it was ahead {when}; no entry bears a wrong time"
        if self.first_seq == self.last_seq:
            return (
                f"it was ahead {when}; entry {self.first_seq}, written then, bears the time {self.wrong_from}"
            )
        return (
            f"it was ahead {when}; entries {self.first_seq} to {self.last_seq}, written then, bear times from"
            f" {self.wrong_from} to {self.wrong_until}"
        )


def wrong_clocks(place: Place) -> list[WrongClock]:
    """Each time in which the clock was wrong, in the order of entries. Raises JournalError.

    Reads the first lines of the numbered segments; there are none if the clock never went back.
    """
    found: list[WrongClock] = []
    with OpenRecord(place) as record:
        names = segments.names(record.descriptor) if record is not None else []
        for index, name in enumerate(names):
            if not segments.is_numbered(name):
                continue
            assert record is not None
            with record.segment(name) as file:
                lines = [] if file is None else [file.readline(MAX_LINE) for _ in range(_MAX_NOTES)]
            said = next((one for one in map(_said_by, lines) if one is not None), None)
            if said is not None and said.state == BACK:
                said = replace(said, came_ahead=_first_not_behind(record, names[index:], said))
            if said is not None:
                found.append(said)
    return found


def _first_not_behind(record: OpenRecord, names: list[str], said: WrongClock) -> str:
    """The time of the first entry since then that is not earlier than the last one before."""
    for name in names:
        with record.segment(name) as file:
            for line in () if file is None else WindowLines(file, said.wrong_until, END):
                entry = parse_or_none(line)
                if entry is not None and entry.seq > said.seq and entry.ts >= said.wrong_until:
                    return entry.ts
    return ""


def _said_by(line: bytes) -> WrongClock | None:
    try:
        entry = parse(line)
        clock = entry.details[DETAILS_KEY]
        return _read(entry, clock) if entry.source == RECORD_SOURCE and isinstance(clock, dict) else None
    except (EntryError, LookupError, TypeError, ValueError):
        return None


def _read(entry: Entry, clock: dict[str, Any]) -> WrongClock:
    return WrongClock(
        entry.seq,
        str(clock["state"]),
        int(clock.get("first_seq", 0)),
        int(clock.get("last_seq", 0)),
        str(clock.get("from") or ""),
        str(clock["until"]),
        str(clock.get("after") or ""),
        str(clock["returned"]),
    )
