"""Read entries as writers add them, also over the end of a month, and before there is a record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from qt_audit.reading import positions
from qt_audit.reading.window import JournalError, journal_error, open_record
from qt_audit.record import segments
from qt_audit.record.archive_error import ArchiveError
from qt_audit.record.entry import Entry, EntryError
from qt_audit.record.lines import Pieces, blocks, candidate_offsets, is_plain
from qt_audit.record.parsing import parse
from qt_audit.record.place import Place


class Follower:
    """Gives each entry after a given one, once, when it is polled.

    Keeps the segment that it reads open, so that it loses no entry of a segment that is archived, renamed or
    removed meanwhile. Creates nothing.
    """

    def __init__(self, place: Place, after: Entry | None) -> None:
        """`after` is the last entry that the caller knows; None: begin with the first."""
        self._place = place
        self._last_known = after
        self._last = after
        """The last entry that was given."""
        self._name = ""
        """The segment that is read; all before it are done."""
        self._clock_went_back = False
        """Whether there are numbered segments: then an earlier entry may bear a later time."""
        self._file: BinaryIO | None = None
        self._offset = 0
        self._inside = False
        """Whether the offset is inside a line that is too long to be an entry, and is passed over."""

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def poll(self) -> Iterator[Entry]:
        """The entries since the last poll. If there are none, only names and sizes are read.

        Raises JournalError.
        """
        try:
            record = open_record(self._place)
            if record is None:
                yield from self._read_new_lines()
                return
            try:
                yield from self._poll(record)
            finally:
                os.close(record)
        except JournalError:
            raise
        except ArchiveError as error:
            raise journal_error(f"{self._place.record_path}/{self._name}", error) from None
        except OSError as error:
            raise journal_error(self._place.record_path, error) from None

    def _poll(self, record: int) -> Iterator[Entry]:
        while True:
            # Names first, then the rest of this segment: once there is a newer one, nothing is added to it.
            newer = self._newer(record)
            replaced = self._is_replaced(record)
            yield from self._read_new_lines()
            if self._file is not None and replaced:
                self.close()
                self._open(self._name, record)
            elif newer:
                self.close()
                self._open(newer[0], record)
            else:
                return

    def _newer(self, record: int) -> list[str]:
        """The segments after the one that is read."""
        names = segments.filled(record)
        self._clock_went_back = any(map(segments.is_numbered, names))
        if self._name in names or not self._clock_went_back:
            return segments.after(self._name, names)
        self._last_known = self._last  # the segment that is read is gone or empty: find the place again
        return segments.from_seq(self._last.seq if self._last is not None else 0, names, record)

    def _open(self, name: str, record: int) -> None:
        self._name, self._offset, self._inside = name, 0, False
        last_known = self._last_known
        if last_known is not None and name < last_known.ts[:7] and not self._clock_went_back:
            return  # the caller knows all its entries
        try:
            self._file = segments.open_segment(name, record)
        except FileNotFoundError:
            return  # retention removed it a moment ago
        if last_known is None or (segments.first_seq(name, record) or 0) > last_known.seq:
            return
        if name[:7] == last_known.ts[:7] and is_plain(self._file):
            descriptor = self._file.fileno()
            self._offset = positions.offset_of(descriptor, os.fstat(descriptor).st_size, last_known.ts)

    def _is_replaced(self, record: int) -> bool:
        """Whether the segment's name belongs to another file now, which writers use."""
        if self._file is None or not is_plain(self._file):
            return False
        try:
            now = os.stat(self._name, dir_fd=record, follow_symlinks=False)
        except FileNotFoundError:
            return False
        then = os.fstat(self._file.fileno())
        return (now.st_dev, now.st_ino) != (then.st_dev, then.st_ino)

    def _read_new_lines(self) -> Iterator[Entry]:
        """The entries of the complete lines after the offset."""
        if self._file is None:
            return
        if is_plain(self._file):
            size = os.fstat(self._file.fileno()).st_size
            if size < self._offset:  # a writer cut a torn tail, or somebody cut the file
                self._offset, self._inside = size, False
            pieces = Pieces(blocks(self._file, self._offset, size), self._offset, self._inside)
        else:
            pieces = Pieces(blocks(self._file, 0))
        for offset, data in pieces:
            for begin, end in candidate_offsets(data):
                self._offset = offset + end
                yield from self._entry_if_new(data[begin:end])
        self._offset, self._inside = pieces.end, pieces.inside

    def _entry_if_new(self, line: bytes) -> Iterator[Entry]:
        try:
            entry = parse(line)
        except EntryError:
            return  # `verify` reports it
        if self._last_known is not None:
            is_earlier = entry.ts <= self._last_known.ts or self._clock_went_back
            if is_earlier and entry.seq <= self._last_known.seq:
                return
            self._last_known = None
        self._last = entry
        yield entry
