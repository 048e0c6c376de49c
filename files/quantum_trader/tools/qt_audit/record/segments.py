"""The record's segments: their names, their lines, the last entry of one.

A segment is `YYYY-MM.jsonl`, or `YYYY-MM.jsonl.gz` once it is archived. If both exist, an archiving was cut
short, and the plain file counts.
"""

from __future__ import annotations

import os
import re

from qt_audit.record.entry import MAX_LINE, Entry, EntryError, parse
from qt_audit.record.place import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

ARCHIVE_SUFFIX = ".gz"
_NAME = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])\.jsonl")
_TAIL_BYTES = 16 * MAX_LINE


def names(record: int | str) -> list[str]:
    """Names of the segments (without `.gz`), oldest first."""
    found = {name.removesuffix(ARCHIVE_SUFFIX) for name in os.listdir(record)}
    return sorted(name for name in found if _NAME.fullmatch(name))


def open_segment(name: str, record: int) -> BinaryIO:
    """The segment's lines, decompressed if it is archived. Raises OSError if it cannot be read.

    Reading on may raise ArchiveError.
    """
    try:
        descriptor, _ = open_file(name, record, os.O_RDONLY)
        return os.fdopen(descriptor, "rb", buffering=1 << 20)
    except FileNotFoundError:
        descriptor, _ = open_file(name + ARCHIVE_SUFFIX, record, os.O_RDONLY)
    from qt_audit.record.compressed import open_archived  # writers hardly ever read an archive

    return open_archived(descriptor, name + ARCHIVE_SUFFIX)


class LastLine:
    """The last entry of a segment, its line, and where that line ends in the segment."""

    __slots__ = ("end", "entry", "line")

    def __init__(self, entry: Entry, line: bytes, end: int) -> None:
        self.entry = entry
        self.line = line
        self.end = end


def last_line(name: str, record: int) -> LastLine | None:
    """The last whole line of the segment that is an entry; None if none is, or if there is no such segment.

    Reads the end of the file only, unless it is archived.
    """
    try:
        with open_segment(name, record) as file:
            size = file.seek(0, os.SEEK_END)
            step = _TAIL_BYTES
            while True:
                start = max(0, size - step)
                file.seek(start)
                found = _last_in(file.read(size - start), start)
                if found is not None or start == 0:
                    return found
                step *= 8
    except FileNotFoundError:
        return None


def _last_in(block: bytes, start: int) -> LastLine | None:
    end = block.rfind(b"\n") + 1
    while end > 0:
        begin = block.rfind(b"\n", 0, end - 1) + 1
        if begin or not start:
            line = block[begin:end]
            try:
                return LastLine(parse(line), line, start + end)
            except EntryError:
                pass
        end = begin
    return None


def start_write_back(descriptor: int, offset: int, size: int) -> None:
    """Start writing these bytes to the disk now, while log and head are written: the sync then takes less.

    On Linux this advice starts the write-back of dirty pages at once and does not wait for it (mm/fadvise.c);
    dirty pages stay in the cache. On other systems, and if it fails, nothing changes.
    """
    try:
        os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_DONTNEED)
    except OSError:
        return
