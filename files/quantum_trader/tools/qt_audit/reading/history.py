"""Read the record back: windows of time, its first and last entries, counts; archived segments too.

Nothing is created, locked or written. Works while writers append, at the end of a month and while segments
are archived. A line that is no entry (torn or foreign) is skipped and counted; `verify` reports it.
"""

from __future__ import annotations

import os
from collections import deque
from itertools import islice

from qt_audit.reading import positions
from qt_audit.reading.window import BEGINNING, END, OpenRecord, WindowLines
from qt_audit.record import segments
from qt_audit.record.entry import Entry, EntryError, chain_hash
from qt_audit.record.head import Head, read_snapshot
from qt_audit.record.lines import is_plain
from qt_audit.record.parsing import parse, parse_or_none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, BinaryIO

    from qt_audit.record.place import Place
_SPARE_LINES = 1000
"""So many lines of an archive are kept to find the last entry among them."""


class HashedEntry:
    """An entry and the hash of its line."""

    __slots__ = ("entry", "hash")

    def __init__(self, entry: Entry, digest: str) -> None:
        self.entry = entry
        self.hash = digest


class History:
    """Reads the record of a place.

    Times are texts as entries write them, or beginnings of such (`2026-11-22` is its first instant). Every
    method raises JournalError if it cannot read a file that it needs. A record that does not exist has no
    entries.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.skipped = 0
        """Complete lines that were no entries, in the windows read so far."""

    def exists(self) -> bool:
        """Whether there is a record at all."""
        with OpenRecord(self._place) as record:
            return record is not None

    def window(
        self,
        since: str = BEGINNING,
        until: str = END,
        line_filter: Callable[[bytes], bool] | None = None,
        details: bool | Callable[[bytes], dict[str, Any]] = True,
    ) -> Iterator[Entry]:
        """Entries with since <= ts < until, in the order of their `seq`, archives included.

        Reads only the files, and of plain files only the parts, that the window covers. `line_filter` may
        reject a line before it is parsed. With `details=False` the details stay empty and are not checked;
        entries are then read in half the time. `details` may also be a function that reads them from a line.
        """
        parse_line = _parser(details)
        with OpenRecord(self._place) as record:
            if record is None:
                return
            for name in segments.names(record.descriptor):
                if since[:7] <= name[:7] <= until[:7]:
                    with record.segment(name) as file:
                        if file is not None:
                            lines = WindowLines(file, since, until)
                            yield from self._entries(lines, line_filter, parse_line)

    def last(self, n: int) -> list[Entry]:
        """The last n entries, oldest first. Reads only the ends of the newest segments, unless archived."""
        found: list[Entry] = []
        with OpenRecord(self._place) as record:
            names = segments.names(record.descriptor) if record is not None and n > 0 else []
            for name in reversed(names):
                assert record is not None
                with record.segment(name) as file:
                    if file is not None:
                        found = _last_of(file, n - len(found)) + found
                if len(found) >= n:
                    break
        return found

    def first(self) -> Entry | None:
        """The oldest entry of the record."""
        return self.at(BEGINNING)

    def at(self, ts: str) -> Entry | None:
        """The first entry at or after a time."""
        with OpenRecord(self._place) as record:
            if record is None:
                return None
            for name in segments.names(record.descriptor):
                if name[:7] >= ts[:7]:
                    with record.segment(name) as file:
                        found = None if file is None else next(_entries_from(file, ts), None)
                    if found is not None:
                        return found
        return None

    def before(self, ts: str) -> HashedEntry | None:
        """The last entry before a time, with the hash of its line."""
        with OpenRecord(self._place) as record:
            names = segments.names(record.descriptor) if record is not None else []
            for name in reversed(names):
                if name[:7] <= ts[:7]:
                    assert record is not None
                    with record.segment(name) as file:
                        found = None if file is None else _last_before(file, ts)
                    if found is not None:
                        return found
        return None

    def count(self, since: str = BEGINNING, until: str = END) -> int:
        """How many entries a window has, by the numbers of its first and last one: no other is read.

        After a clock that was ahead came back, by the numbers of the first and last one in each segment.
        """
        with OpenRecord(self._place) as record:
            names = segments.names(record.descriptor) if record is not None else []
            if any(map(segments.is_numbered, names)):
                assert record is not None
                return sum(_count_in(record, name, since, until) for name in names)
        last = self.before(until)
        first = self.at(since) if last is not None and last.entry.ts >= since else None
        if first is None or last is None:
            return 0
        return max(0, last.entry.seq - first.seq + 1)

    def head(self) -> Head | None:
        """The end of the chain: the last entry's number and hash; None if there never was an entry.

        It is read from the segments, or from the head file if acknowledged entries are missing there.
        """
        with OpenRecord(self._place) as record:
            if record is None:
                return None
            head = read_snapshot(record.descriptor)
        last = self.before(END)
        if last is None or (head is not None and last.entry.seq < head.durable):
            return head if head is not None and head.seq else None
        entry = last.entry
        return Head(entry.seq, last.hash, entry.ts, "", 0, entry.seq)

    def after(self, seq: int, ts: str) -> Iterator[Entry]:
        """Entries with a greater number than that of an entry and its time, in their order.

        Reads from that entry on, also where a clock that was ahead came back since then.
        """
        with OpenRecord(self._place) as record:
            if record is None:
                return
            directory = record.descriptor
            for name in segments.from_seq(seq, segments.names(directory), directory):
                begins_later = (segments.first_seq(name, directory) or 0) > seq
                with record.segment(name) as file:
                    if file is not None:
                        for entry in _entries_from(file, BEGINNING if begins_later else ts):
                            if entry.seq > seq:
                                yield entry

    def _entries(
        self,
        lines: WindowLines,
        line_filter: Callable[[bytes], bool] | None,
        parse_line: Callable[[bytes], Entry],
    ) -> Iterator[Entry]:
        for line in lines if line_filter is None else filter(line_filter, lines):
            try:
                entry = parse_line(line)
            except EntryError:
                self.skipped += 1
                continue
            if lines.since <= entry.ts < lines.until:
                yield entry
        self.skipped += lines.skipped


def _count_in(record: OpenRecord, name: str, since: str, until: str) -> int:
    """How many entries of a window are in a segment, whose times never go back."""
    if not since[:7] <= name[:7] <= until[:7]:
        return 0
    with record.segment(name) as file:
        last = None if file is None else _last_before(file, until)
    if last is None or last.entry.ts < since:
        return 0
    with record.segment(name) as file:
        first = None if file is None else next(_entries_from(file, since), None)
    return 0 if first is None else max(0, last.entry.seq - first.seq + 1)


def parse_without_details(line: bytes) -> Entry:
    """The entry that a line holds; its details are checked, but left out. Raises EntryError."""
    return parse(line, with_details=False)


def _parser(details: bool | Callable[[bytes], dict[str, Any]]) -> Callable[[bytes], Entry]:
    if isinstance(details, bool):
        return parse if details else parse_without_details

    def read(line: bytes) -> Entry:
        entry = parse_without_details(line)
        entry.details = details(line)
        return entry

    return read


def _entries_from(file: BinaryIO, ts: str) -> Iterator[Entry]:
    for line in WindowLines(file, ts, END):
        entry = parse_or_none(line)
        if entry is not None and entry.ts >= ts:
            yield entry


def _last_of(file: BinaryIO, n: int) -> list[Entry]:
    """The last n entries of a segment, oldest first."""
    if is_plain(file):
        size = os.fstat(file.fileno()).st_size
        found = map(parse_or_none, positions.candidates_backwards(file.fileno(), size))
        return list(islice((entry for entry in found if entry is not None), n))[::-1]
    # Keep more lines than are asked for, because some may be no entries.
    last_lines = deque(WindowLines(file, BEGINNING, END), maxlen=2 * n + _SPARE_LINES)
    return [entry for line in last_lines if (entry := parse_or_none(line)) is not None][-n:]


def _last_before(file: BinaryIO, ts: str) -> HashedEntry | None:
    """The last entry of a segment before a time."""
    candidates: Iterable[bytes]
    if is_plain(file):
        size = os.fstat(file.fileno()).st_size
        end = positions.offset_of(file.fileno(), size, ts) if ts != END else size
        candidates = positions.candidates_backwards(file.fileno(), end)
    else:
        candidates = reversed(deque(WindowLines(file, BEGINNING, ts), maxlen=_SPARE_LINES))
    for line in candidates:
        entry = parse_or_none(line)
        if entry is not None and entry.ts < ts:
            return HashedEntry(entry, chain_hash(line))
    return None
