"""Read the record back: windows of time, its ends, and counts, across segments, archived ones too.

Nothing is created, locked or written. Works while writers append, while the month turns and
while segments are archived. What is no entry (a torn or foreign line) is passed over and
counted; `verify` names it.
"""

from __future__ import annotations

import io
import os
import re
from collections import deque

from qt_audit.reading import positions
from qt_audit.reading.window import BEGINNING, END, JournalError, Record, entry_in, lines_between
from qt_audit.record import segments
from qt_audit.record.entry import Entry, EntryError, chain_hash
from qt_audit.record.head import Head, read_snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

    from qt_audit.record.place import Place

_TEXT = r'"([^"\\\x00-\x1f]*)"'
_SHAPE = re.compile(
    rf'\{{"seq":([0-9]{{1,20}}),"ts":"([0-9T:.-]{{26}}Z)","action":{_TEXT},"source":{_TEXT},"outcome":{_TEXT},"host":{_TEXT},'
    rf'"user":{_TEXT},"pid":([0-9]{{1,10}}),"run":(?:null|{_TEXT}),"details":\{{.*\}},"prev":"([0-9a-f]{{64}})"\}}\n'
)


class Mark:
    """An entry, and the hash of its line: what the chain was when this was its end."""

    __slots__ = ("entry", "hash")

    def __init__(self, entry: Entry, digest: str) -> None:
        self.entry = entry
        self.hash = digest


class History:
    """The record of a place, for reading.

    Times are texts as entries write them, or beginnings of such (`2026-11-22` is its first instant).
    Every method raises JournalError if what it must read cannot be read. A record that does not
    exist has no entries.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.skipped = 0
        """Whole lines that were no entries, in the windows read so far."""

    def exists(self) -> bool:
        """Whether there is a record at all."""
        with Record(self._place) as record:
            return record is not None

    def window(
        self,
        since: str = BEGINNING,
        until: str = END,
        wanted: Callable[[bytes], bool] | None = None,
        details: bool | Callable[[bytes], dict[str, Any]] = True,
    ) -> Iterator[Entry]:
        """Entries with since <= ts < until, oldest first, archives included.

        Reads only the files, and of plain ones the parts, that the window covers. `wanted` may
        turn lines down before they are parsed. Without `details`, which stay empty then, entries
        are read in half the time, and whether their details are well-formed is not looked at.
        `details` may also be what reads of a line as much of them as is wanted.
        """
        read = _reader(details)
        with Record(self._place) as record:
            if record is None:
                return
            for name in segments.names(record.descriptor):
                if since[:7] <= name[:7] <= until[:7]:
                    with record.reading(name) as file:
                        if file is not None:
                            yield from self._entries(
                                lines_between(file, since, until), wanted, read, since, until
                            )

    def last(self, n: int) -> list[Entry]:
        """The last n entries, oldest first. Reads the ends of the newest segments only, unless archived."""
        found: list[Entry] = []
        with Record(self._place) as record:
            names = segments.names(record.descriptor) if record is not None and n > 0 else []
            for name in reversed(names):
                assert record is not None
                with record.reading(name) as file:
                    if file is not None:
                        found = _last_of(file, n - len(found)) + found
                if len(found) >= n:
                    break
        return found

    def first(self) -> Entry | None:
        """The oldest entry that is still there."""
        return self.at(BEGINNING)

    def at(self, ts: str) -> Entry | None:
        """The first entry at or after a time."""
        with Record(self._place) as record:
            if record is None:
                return None
            for name in segments.names(record.descriptor):
                if name[:7] >= ts[:7]:
                    with record.reading(name) as file:
                        found = None if file is None else next(_entries_from(file, ts), None)
                    if found is not None:
                        return found
        return None

    def before(self, ts: str) -> Mark | None:
        """The last entry before a time, with the hash of its line."""
        with Record(self._place) as record:
            names = segments.names(record.descriptor) if record is not None else []
            for name in reversed(names):
                if name[:7] <= ts[:7]:
                    assert record is not None
                    with record.reading(name) as file:
                        found = None if file is None else _last_before(file, ts)
                    if found is not None:
                        return found
        return None

    def count(self, since: str = BEGINNING, until: str = END) -> int:
        """How many entries there are in a window, by their numbers: the entries between are not read."""
        last = self.before(until)
        first = self.at(since) if last is not None and last.entry.ts >= since else None
        if first is None or last is None:
            return 0
        return max(0, last.entry.seq - first.seq + 1)

    def head(self) -> Head | None:
        """Where the chain ends now: the last entry's number and hash; None if there never was an entry.

        As the segments have it; as the head file has it where acknowledged entries are gone from them.
        """
        with Record(self._place) as record:
            if record is None:
                return None
            noted = read_snapshot(record.descriptor)
        last = self.before(END)
        if last is None or (noted is not None and last.entry.seq < noted.durable):
            return noted if noted is not None and noted.seq else None
        entry = last.entry
        return Head(entry.seq, last.hash, entry.ts, "", 0, entry.seq)

    def _entries(
        self,
        lines: Iterator[bytes],
        wanted: Callable[[bytes], bool] | None,
        read: Callable[[bytes], Entry],
        since: str,
        until: str,
    ) -> Iterator[Entry]:
        for line in lines if wanted is None else filter(wanted, lines):
            try:
                entry = read(line)
            except EntryError:
                self.skipped += 1
                continue
            if since <= entry.ts < until:
                yield entry


def brief(line: bytes) -> Entry:
    """The entry that a line holds, its details left out. Raises EntryError for what is none."""
    match = _SHAPE.fullmatch(line.decode("latin-1"))
    if match is None or not line.isascii():
        entry = entry_in(line)  # it may have an escape somewhere
        entry.details = {}
        return entry
    seq, ts, action, source, outcome, host, user, pid, run, prev = match.groups()
    return Entry(int(seq), ts, action, source, outcome, host, user, int(pid), run, {}, prev)


def _reader(details: bool | Callable[[bytes], dict[str, Any]]) -> Callable[[bytes], Entry]:
    if isinstance(details, bool):
        return entry_in if details else brief

    def read(line: bytes) -> Entry:
        entry = brief(line)
        entry.details = details(line)
        return entry

    return read


def _entries_from(file: BinaryIO, ts: str) -> Iterator[Entry]:
    for line in lines_between(file, ts, END):
        try:
            entry = entry_in(line)
        except EntryError:
            continue
        if entry.ts >= ts:
            yield entry


def _last_of(file: BinaryIO, n: int) -> list[Entry]:
    """The last n entries of a segment, oldest first."""
    if isinstance(file, io.BufferedReader):
        size = os.fstat(file.fileno()).st_size
        found: list[Entry] = []
        for line in positions.backwards(file.fileno(), size):
            if len(found) == n:
                break
            entry = _parsed(line)
            if entry is not None:
                found.append(entry)
        return found[::-1]
    # Twice what is asked for leaves room for lines that are no entries.
    kept = deque(lines_between(file, BEGINNING, END), maxlen=2 * n)
    return [entry for line in kept if (entry := _parsed(line)) is not None][-n:]


def _last_before(file: BinaryIO, ts: str) -> Mark | None:
    """The last entry of a segment before a time."""
    if isinstance(file, io.BufferedReader):
        size = os.fstat(file.fileno()).st_size
        end = positions.offset_of(file.fileno(), size, ts) if ts != END else size
        candidates = positions.backwards(file.fileno(), end)
    else:
        candidates = reversed(deque(lines_between(file, BEGINNING, ts), maxlen=1000))
    for line in candidates:
        entry = _parsed(line)
        if entry is not None and entry.ts < ts:
            return Mark(entry, chain_hash(line))
    return None


def _parsed(line: bytes) -> Entry | None:
    try:
        return entry_in(line)
    except EntryError:
        return None


__all__ = ["BEGINNING", "END", "History", "JournalError", "Mark", "brief"]
