"""Read the record back: windows of time, its ends, and counts, across segments, archived ones too.

Nothing is created, locked or written. Works while writers append, while the month turns and
while segments are archived. What is no entry (a torn or foreign line) is passed over and
counted; `verify` names it.
"""

from __future__ import annotations

import io
import os
import zlib
from collections import deque

from qt_audit import positions, segments
from qt_audit.entry import Entry, EntryError, chain_hash, parse
from qt_audit.head import Head, read_snapshot
from qt_audit.place import RECORD, open_file
from qt_audit.positions import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from qt_audit.place import Place

BEGINNING, END = "", "9999-99"
"""Before and after every time that an entry can have."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class JournalError(OSError):
    """A part of the record cannot be read; the message names it and says what to do."""


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
        with _Record(self._place) as record:
            return record is not None

    def window(
        self, since: str = BEGINNING, until: str = END, wanted: Callable[[bytes], bool] | None = None
    ) -> Iterator[Entry]:
        """Entries with since <= ts < until, oldest first, archives included.

        Reads only the files, and of plain ones the parts, that the window covers. `wanted` may
        turn lines down before they are parsed.
        """
        with _Record(self._place) as record:
            if record is None:
                return
            for name in segments.names(record.descriptor):
                if since[:7] <= name[:7] <= until[:7]:
                    with record.reading(name) as file:
                        if file is not None:
                            yield from self._entries(file, since, until, wanted)

    def last(self, n: int) -> list[Entry]:
        """The last n entries, oldest first. Reads the ends of the newest segments only, unless archived."""
        found: list[Entry] = []
        with _Record(self._place) as record:
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
        with _Record(self._place) as record:
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
        with _Record(self._place) as record:
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
        with _Record(self._place) as record:
            if record is None:
                return None
            noted = read_snapshot(record.descriptor)
        last = self.before(END)
        if last is None or (noted is not None and last.entry.seq < noted.durable):
            return noted if noted is not None and noted.seq else None
        entry = last.entry
        return Head(entry.seq, last.hash, entry.ts, "", 0, entry.seq)

    def _entries(
        self, file: io.BufferedIOBase, since: str, until: str, wanted: Callable[[bytes], bool] | None
    ) -> Iterator[Entry]:
        for line in _lines(file, since, until):
            if wanted is not None and not wanted(line):
                continue
            try:
                entry = parse(line)
            except EntryError:
                self.skipped += 1
                continue
            if since <= entry.ts < until:
                yield entry


def open_record(place: Place) -> int | None:
    """A descriptor of the record's directory; None if there is none. Creates nothing, follows no link."""
    try:
        descriptor = os.open(place.path, _DIRECTORY & ~os.O_NOFOLLOW)
        for name in ("status", RECORD) if place.is_home else (RECORD,):
            parent = descriptor
            try:
                descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
            finally:
                os.close(parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(place.record_path, error) from None
    return descriptor


class _Record:
    """The record's directory while it is read; None inside `with` if there is none."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.descriptor = -1

    def __enter__(self) -> _Record | None:
        descriptor = open_record(self._place)
        if descriptor is None:
            return None
        self.descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def reading(self, name: str) -> _Reading:
        return _Reading(name, self.descriptor, self._place.record_path)


class _Reading:
    """A segment open for reading; None inside `with` if it is gone. What goes wrong becomes a JournalError."""

    def __init__(self, name: str, record: int, path: str) -> None:
        self._name = name
        self._record = record
        self._path = f"{path}/{name}"
        self._file: io.BufferedIOBase | None = None

    def __enter__(self) -> io.BufferedIOBase | None:
        try:
            self._file = segments.open_segment(self._name, self._record)  # type: ignore[assignment]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self._path, error) from None
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if isinstance(error, (OSError, EOFError, zlib.error)) and not isinstance(error, JournalError):
            if not isinstance(self._file, io.BufferedReader):
                raise JournalError(
                    f"{self._path}{segments.ARCHIVED}: damaged, cannot be decompressed;"
                    " put a good copy in its place, `verify` tells what is missing"
                ) from None
            raise _unreadable(self._path, error) from None


def _unreadable(path: str, error: BaseException) -> JournalError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    remedy = "; read it as its owner or as root" if isinstance(error, PermissionError) else ""
    return JournalError(f"{path}: cannot be read ({reason}){remedy}")


def _lines(file: io.BufferedIOBase, since: str, until: str) -> Iterator[bytes]:
    """The whole lines from the first entry at or after `since` to the last before `until`."""
    if isinstance(file, io.BufferedReader):
        descriptor = file.fileno()
        size = os.fstat(descriptor).st_size
        begin = positions.offset_of(descriptor, size, since)
        end = positions.offset_of(descriptor, size, until)
        file.seek(begin)
        for line in file:
            begin += len(line)
            if begin > end or not line.endswith(b"\n"):
                return
            yield line
        return
    for line in io.BufferedReader(file, 1 << 20):  # type: ignore[type-var]
        time = stamp(line)
        if line.endswith(b"\n") and (time is None or since <= time < until):
            yield line


def _entries_from(file: io.BufferedIOBase, ts: str) -> Iterator[Entry]:
    for line in _lines(file, ts, END):
        try:
            entry = parse(line)
        except EntryError:
            continue
        if entry.ts >= ts:
            yield entry


def _last_of(file: io.BufferedIOBase, n: int) -> list[Entry]:
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
    kept = deque(_lines(file, BEGINNING, END), maxlen=2 * n)
    return [entry for line in kept if (entry := _parsed(line)) is not None][-n:]


def _last_before(file: io.BufferedIOBase, ts: str) -> Mark | None:
    """The last entry of a segment before a time."""
    if isinstance(file, io.BufferedReader):
        size = os.fstat(file.fileno()).st_size
        end = positions.offset_of(file.fileno(), size, ts) if ts != END else size
        candidates = positions.backwards(file.fileno(), end)
    else:
        candidates = reversed(deque(_lines(file, BEGINNING, ts), maxlen=1000))
    for line in candidates:
        entry = _parsed(line)
        if entry is not None and entry.ts < ts:
            return Mark(entry, chain_hash(line))
    return None


def _parsed(line: bytes) -> Entry | None:
    try:
        return parse(line)
    except EntryError:
        return None


__all__ = ["BEGINNING", "END", "History", "JournalError", "Mark", "open_file", "open_record"]
