"""Open the record for reading: directory, segments, the lines of a window. Creates and locks nothing."""

from __future__ import annotations

import os

from qt_audit.reading import positions
from qt_audit.reading.positions import line_time
from qt_audit.record import segments
from qt_audit.record.archive_error import ArchiveError
from qt_audit.record.lines import Pieces, blocks, candidates, is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import BinaryIO

    from qt_audit.record.place import Place

BEGINNING, END = "", "9999-99"
"""Texts that compare as earlier and later than the time of every entry."""


class JournalError(OSError):
    """A part of the record cannot be read. The message names it and says what to do."""


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


class WindowLines:
    """The complete lines of a segment that may be entries of a window, without their newlines.

    They reach from the first entry at or after `since` to the last one before `until`. `skipped` counts the
    lines between them that are no entries.
    """

    def __init__(self, file: BinaryIO, since: str, until: str) -> None:
        self._file = file
        self.since = since
        self.until = until
        self.skipped = 0

    def __iter__(self) -> Iterator[bytes]:
        begin, end, plain = 0, None, is_plain(self._file)
        if plain:
            descriptor = self._file.fileno()
            end = size = os.fstat(descriptor).st_size
            if self.since != BEGINNING:
                begin = positions.offset_of(descriptor, size, self.since, any_line=True)
            end = positions.offset_of(descriptor, size, self.until) if self.until != END else size
        pieces = Pieces(blocks(self._file, begin, end), begin)
        too_long = 0
        for _, data in pieces:
            found, skipped = candidates(data)
            self.skipped += skipped + pieces.skipped - too_long
            too_long = pieces.skipped
            yield from found if plain else self._within(found)
        self.skipped += pieces.skipped - too_long

    def _within(self, lines: list[bytes]) -> Iterator[bytes]:
        """Those that do not lie before or after the window by their time."""
        for line in lines:
            time = line_time(line)
            if time is None or self.since <= time < self.until:
                yield line
