"""Open the record for reading: directory, segments, the lines of a window. Creates and locks nothing."""

from __future__ import annotations

import io
import os

from qt_audit.reading import positions
from qt_audit.reading.positions import line_time
from qt_audit.record import segments
from qt_audit.record.archive_error import ArchiveError
from qt_audit.record.entry import Entry, EntryError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import BinaryIO

    from qt_audit.record.place import Place

NoneType = type(None)
BEGINNING, END = "", "9999-99"
"""Texts that compare as earlier and later than the time of every entry."""


class JournalError(OSError):
    """A part of the record cannot be read. The message names it and says what to do."""


def parse_checked(line: bytes) -> Entry:
    """The entry that a line holds, with the types of the fields that are counted. Raises EntryError."""
    entry = parse(line)
    if (
        type(entry.source) is not str
        or type(entry.outcome) is not str
        or type(entry.run) not in (str, NoneType)
    ):
        raise EntryError("not an entry: `source`, `outcome` or `run` has the wrong type")
    return entry


def open_record(place: Place) -> int | None:
    """A descriptor of the record's directory; None if there is none. Creates nothing, follows no link."""
    try:
        return place.open_existing()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise journal_error(place.record_path, error) from None


class OpenRecord:
    """The record's directory while it is read; None inside `with` if there is none."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.descriptor = -1

    def __enter__(self) -> OpenRecord | None:
        descriptor = open_record(self._place)
        if descriptor is None:
            return None
        self.descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def segment(self, name: str) -> OpenSegment:
        """One of its segments, to be used in `with`."""
        return OpenSegment(name, self.descriptor, self._place.record_path)


class OpenSegment:
    """A segment open for reading; None inside `with` if it is gone. Turns an OSError into a JournalError."""

    def __init__(self, name: str, record: int, path: str) -> None:
        self._name = name
        self._record = record
        self._path = f"{path}/{name}"
        self._file: BinaryIO | None = None

    def __enter__(self) -> BinaryIO | None:
        try:
            self._file = segments.open_segment(self._name, self._record)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise journal_error(self._path, error) from None
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if isinstance(error, OSError) and not isinstance(error, JournalError):
            raise journal_error(self._path, error) from None


def journal_error(path: str, error: OSError) -> JournalError:
    """The error for a file or directory of the record that cannot be read, with what to do."""
    if isinstance(error, ArchiveError):
        return JournalError(f"{os.path.dirname(path)}/{error}, `verify` tells what is missing")
    reason = error.strerror or str(error)
    remedy = "; read it as its owner or as root" if isinstance(error, PermissionError) else ""
    return JournalError(f"{path}: cannot be read ({reason}){remedy}")


def lines_between(file: BinaryIO, since: str, until: str) -> Iterator[bytes]:
    """The complete lines from the first entry at or after `since` to the last one before `until`."""
    if isinstance(file, io.BufferedReader):
        descriptor = file.fileno()
        size = os.fstat(descriptor).st_size
        begin = positions.offset_of(descriptor, size, since) if since != BEGINNING else 0
        end = positions.offset_of(descriptor, size, until) if until != END else size
        file.seek(begin)
        for line in file:
            begin += len(line)
            if begin > end or not line.endswith(b"\n"):
                return
            yield line
        return
    for line in io.BufferedReader(file, 1 << 20):  # type: ignore[type-var]
        time = line_time(line)
        if line.endswith(b"\n") and (time is None or since <= time < until):
            yield line
