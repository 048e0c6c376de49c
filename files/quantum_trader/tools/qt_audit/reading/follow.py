"""Read what writers add, as they add it: over the turn of a month, and from before there is a record."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

from qt_audit.reading import positions
from qt_audit.reading.window import JournalError, entry_in, open_record, unreadable
from qt_audit.record import segments
from qt_audit.record.archive_error import ArchiveError
from qt_audit.record.entry import Entry, EntryError
from qt_audit.record.place import Place


class Follower:
    """Gives each entry that follows a given one, once, whenever it is polled.

    Holds the segment that it reads open, so that it loses nothing of one that is archived,
    renamed or removed meanwhile. Creates nothing.
    """

    def __init__(self, place: Place, after: Entry | None) -> None:
        """`after` is the last entry that is known already; None: begin with the first."""
        self._place = place
        self._known = after
        self._done = ""
        """Segments up to this one are read."""
        self._name = ""
        self._file: BinaryIO | None = None
        self._offset = 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def poll(self) -> Iterator[Entry]:
        """The entries that have come since. Where none has, it looks at names and sizes only.

        Raises JournalError.
        """
        try:
            record = open_record(self._place)
            if record is None:
                yield from self._read()
                return
            try:
                yield from self._poll(record)
            finally:
                os.close(record)
        except JournalError:
            raise
        except ArchiveError as error:
            raise unreadable(f"{self._place.record_path}/{self._name}", error) from None
        except OSError as error:
            raise unreadable(self._place.record_path, error) from None

    def _poll(self, record: int) -> Iterator[Entry]:
        while True:
            # Names first, then the rest of this one: no writer goes back to it once there is a newer one.
            newer = [name for name in segments.names(record) if name > max(self._name, self._done)]
            replaced = self._is_replaced(record)
            yield from self._read()
            if self._file is not None and replaced:
                self.close()
                self._open(self._name, record)
            elif newer:
                self.close()
                self._done = self._name
                self._open(newer[0], record)
            else:
                return

    def _open(self, name: str, record: int) -> None:
        self._name, self._offset = name, 0
        known = self._known
        if known is not None and name < known.ts[:7]:
            return  # read before we came
        try:
            self._file = segments.open_segment(name, record)
        except FileNotFoundError:
            return  # removed by retention this very moment
        if known is not None and name[:7] == known.ts[:7] and _is_plain(self._file):
            descriptor = self._file.fileno()
            self._offset = positions.offset_of(descriptor, os.fstat(descriptor).st_size, known.ts)

    def _is_replaced(self, record: int) -> bool:
        """Whether the segment's name belongs to another file now: writers went on in a new one."""
        if self._file is None or not _is_plain(self._file):
            return False
        try:
            now = os.stat(self._name, dir_fd=record, follow_symlinks=False)
        except FileNotFoundError:
            return False
        then = os.fstat(self._file.fileno())
        return (now.st_dev, now.st_ino) != (then.st_dev, then.st_ino)

    def _read(self) -> Iterator[Entry]:
        """The whole lines behind the offset."""
        if self._file is None:
            return
        if not _is_plain(self._file):
            for line in self._file:
                yield from self._new(line)
            return
        descriptor = self._file.fileno()
        size = os.fstat(descriptor).st_size
        self._offset = min(self._offset, size)  # a torn tail was cut, or somebody cut the file
        for offset, line in positions.lines(descriptor, self._offset, size):
            self._offset = offset + len(line)
            yield from self._new(line)

    def _new(self, line: bytes) -> Iterator[Entry]:
        try:
            entry = entry_in(line)
        except EntryError:
            return  # `verify` names it
        if self._known is not None:
            if entry.ts <= self._known.ts and entry.seq <= self._known.seq:
                return
            self._known = None
        yield entry


def _is_plain(file: BinaryIO) -> bool:
    return isinstance(file, io.BufferedReader)
