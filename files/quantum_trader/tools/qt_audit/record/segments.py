"""The record's segments: their names, their lines, the last entry of one.

A segment is `YYYY-MM.jsonl`, or `YYYY-MM.jsonl.gz` once it is archived. If both exist, an archiving was cut
short, and the plain file counts.
"""

from __future__ import annotations

import os
import re

from qt_audit.record.entry import Entry, EntryError
from qt_audit.record.lines import Pieces, blocks, candidates, is_plain, pieces_backwards
from qt_audit.record.parsing import parse
from qt_audit.record.place import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

ARCHIVE_SUFFIX = ".gz"
_NAME = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])\.jsonl")


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
            if is_plain(file):
                descriptor = file.fileno()
                found = map(_last_in, pieces_backwards(descriptor, os.fstat(descriptor).st_size))
                return next((last for last in found if last is not None), None)
            last = None
            for piece in Pieces(blocks(file, 0)):
                last = _last_in(piece) or last
            return last
    except FileNotFoundError:
        return None


def _last_in(piece: tuple[int, bytes]) -> LastLine | None:
    """The last entry of a piece of whole lines."""
    start, data = piece
    lines, _ = candidates(data)
    for line in reversed(lines):
        try:
            entry = parse(line)
        except EntryError:
            continue
        line += b"\n"
        begin = data.rfind(b"\n" + line) + 1  # 0: it is the first line
        return LastLine(entry, line, start + begin + len(line))
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
