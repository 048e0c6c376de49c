"""The record's segments: their names, their lines, the last entry of one.

A segment is `YYYY-MM.jsonl`, or `YYYY-MM.jsonl.gz` once it is archived. If both exist, an archiving was cut
short, and the plain file counts. After a clock that was ahead came back, the month goes on in a numbered
segment (`YYYY-MM.2.jsonl`). Entries are in the order of their `seq`, and so are the segments.
"""

from __future__ import annotations

import os
import re

from qt_audit.record.entry import MAX_LINE, Entry, EntryError
from qt_audit.record.lines import Pieces, blocks, candidates, is_plain, pieces_backwards
from qt_audit.record.parsing import parse
from qt_audit.record.place import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

ARCHIVE_SUFFIX = ".gz"
NAME_PATTERN = r"[0-9]{4}-(?:0[1-9]|1[0-2])(?:\.(?:[2-9]|[1-9][0-9]{1,3}))?\.jsonl"
"""A regular expression for the name of a segment."""
_NAME = re.compile(NAME_PATTERN)
_FIRST_SEQ = re.compile(rb'^\{"seq":([1-9]\d{0,19}),"ts":"', re.MULTILINE)
_MAX_NUMBER = 9999
_LENGTH_OF_PLAIN_NAME = len("2026-11.jsonl")
_TAIL_BYTES = 16 * MAX_LINE


def names(record: int | str) -> list[str]:
    """Names of the segments (without `.gz`), in the order of their entries.

    That is the order of the names as long as the clock never went back: then no segment is numbered, and
    none is opened. Else it is the order of their first `seq`; a segment without an entry is the last.
    """
    found = {name.removesuffix(ARCHIVE_SUFFIX) for name in os.listdir(record)}
    in_order = sorted(name for name in found if _NAME.fullmatch(name))
    if isinstance(record, int) and any(map(is_numbered, in_order)):
        return _by_first_seq(sorted(in_order, key=_month_and_number), record)
    return in_order


def is_numbered(name: str) -> bool:
    """Whether the segment was begun because a clock that was ahead came back: `2026-11.2.jsonl`."""
    return len(name) > _LENGTH_OF_PLAIN_NAME


def filled(record: int) -> list[str]:
    """The segments with entries, in their order: what a reader that goes on from one to the next needs.

    As long as the clock never went back, empty segments are among them, for a writer goes on from the last.
    """
    in_order = names(record)
    if any(map(is_numbered, in_order)):
        return [name for name in in_order if first_seq(name, record) != 0]
    return in_order


def after(name: str, in_order: list[str]) -> list[str]:
    """The segments that follow this one. `in_order` are all `names`; `name` may be gone from them."""
    if name in in_order:
        return in_order[in_order.index(name) + 1 :]
    return [later for later in in_order if later > name]


def from_seq(seq: int, in_order: list[str], record: int) -> list[str]:
    """The segments from the one on that may hold the entry after this one. `in_order` are all `names`."""
    for index in range(len(in_order) - 1, 0, -1):
        first = first_seq(in_order[index], record)
        if first and first <= seq + 1:
            return in_order[index:]
    return in_order


def free_name(month: str, record: int, number: int) -> str:
    """The name of a month's next segment, with this number or a higher one.

    An empty file that a writer left when it died is taken. Raises OSError.
    """
    while number < _MAX_NUMBER and not _is_free(_name(month, number), record):
        number += 1
    return _name(month, number)


def first_seq(name: str, record: int) -> int | None:
    """The number of the segment's first entry; 0 if the segment is empty, None if it cannot be read."""
    try:
        with open_segment(name, record) as file:
            block = file.read(4 * MAX_LINE)
    except (OSError, EOFError):
        return None
    found = _FIRST_SEQ.search(block)
    if found is None:
        return 0 if b"\n" not in block else None
    return int(found[1])


def _by_first_seq(in_order: list[str], record: int) -> list[str]:
    """The segments by their first `seq`. One that cannot be read stays behind the one before it."""
    keys: dict[str, float] = {}
    before = 0.0
    for name in in_order:
        found = first_seq(name, record)
        keys[name] = before if found is None else found or float("inf")
        before = keys[name] if found else before
    return sorted(in_order, key=keys.__getitem__)


def _month_and_number(name: str) -> tuple[str, int]:
    return name[:7], int(name[8:-6]) if is_numbered(name) else 1


def _name(month: str, number: int) -> str:
    return f"{month}.{number}.jsonl" if number > 1 else f"{month}.jsonl"


def _is_free(name: str, record: int) -> bool:
    """Whether there is no such segment, or only an empty file."""
    try:
        os.stat(name + ARCHIVE_SUFFIX, dir_fd=record, follow_symlinks=False)
    except FileNotFoundError:
        pass
    else:
        return False
    try:
        status = os.stat(name, dir_fd=record, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return not status.st_size and bool(status.st_mode & 0o200)


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
