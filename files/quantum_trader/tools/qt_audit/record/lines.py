"""The lines of a segment that may be entries, in bounded memory, whatever the file holds.

Memory never grows with the file or with a line: a line that is too long to be an entry is passed over while
it is read. Runs of lines that do not begin as an entry does are passed over at once, not one by one.
"""

from __future__ import annotations

import io
import os

from qt_audit.record.entry import MAX_LINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

BLOCK_BYTES = 1 << 16
BEGIN = b'{"seq":'
"""What every entry's line begins with."""
_NEXT_BEGIN = b"\n" + BEGIN


def is_plain(file: BinaryIO) -> bool:
    """Whether a segment is not archived: it has a descriptor, and may grow."""
    return isinstance(getattr(file, "raw", None), io.FileIO)


def blocks(file: BinaryIO, start: int, end: int | None = None) -> Iterator[bytes]:
    """The bytes of a segment from `start` to `end`, or to where it ends."""
    if is_plain(file):
        # Not through its buffer: writers cut and extend the file.
        yield from descriptor_blocks(file.fileno(), start, end)
        return
    file.seek(start)
    while block := file.read(BLOCK_BYTES if end is None else min(BLOCK_BYTES, end - start)):
        yield block
        start += len(block)


def descriptor_blocks(descriptor: int, start: int, end: int | None = None) -> Iterator[bytes]:
    """The bytes of a plain file from `start` to `end`, or to where it ends."""
    while end is None or start < end:
        block = os.pread(descriptor, BLOCK_BYTES if end is None else min(BLOCK_BYTES, end - start), start)
        if not block:
            return
        yield block
        start += len(block)


class Pieces:
    """The complete lines of blocks, as pieces of one or more lines: (offset, bytes that end in a newline).

    A line that is too long is left out and counted in `skipped`. `end` is where the complete lines end that
    were read; inside a line that is too long, where reading ended, and then `inside` is True.
    """

    __slots__ = ("_blocks", "_rest", "end", "inside", "skipped")

    def __init__(self, blocks: Iterable[bytes], start: int = 0, inside: bool = False) -> None:
        """`start` is the offset of the first block. `inside`: it begins inside a line to be left out."""
        self._blocks = blocks
        self._rest = b""
        self.end = start
        self.inside = inside
        self.skipped = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for block in self._blocks:
            data = self._rest + block
            if self.inside:
                begin = data.find(b"\n") + 1
                if not begin:
                    self.end += len(data)
                    continue
                self.inside = False
                self.skipped += 1
                self.end += begin
                data = data[begin:]
            whole = data.rfind(b"\n") + 1
            offset, self._rest = self.end, data[whole:]
            self.end += whole
            if len(self._rest) >= MAX_LINE:
                self.end += len(self._rest)
                self.inside, self._rest = True, b""
            if whole:
                yield offset, data[:whole]


def candidates(data: bytes) -> tuple[list[bytes], int]:
    """The lines of a piece that may be entries, without their newlines, and the number of all others."""
    count = data.count(b"\n")
    if data.startswith(BEGIN) and data.count(_NEXT_BEGIN) == count - 1:
        found = data[:-1].split(b"\n")
    else:
        found = [data[begin : end - 1] for begin, end in candidate_offsets(data)]
    if max(map(len, found), default=0) >= MAX_LINE:
        found = [line for line in found if len(line) < MAX_LINE]
    return found, count - len(found)


def candidate_lines(file: BinaryIO, last_bytes: int | None = None) -> Iterator[bytes]:
    """The complete lines of a segment that may be entries, without their newlines.

    With `last_bytes` only those in so many bytes at the end of a plain segment.
    """
    start = 0
    if last_bytes is not None and is_plain(file):
        start = max(0, os.fstat(file.fileno()).st_size - last_bytes)
    for _, data in Pieces(blocks(file, start), start, inside=start > 0):
        yield from candidates(data)[0]


def candidate_offsets(data: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end (after the newline) of each line of a piece that begins as an entry does."""
    begin = 0 if data.startswith(BEGIN) else data.find(_NEXT_BEGIN) + 1
    while begin or data.startswith(BEGIN):
        end = data.index(b"\n", begin) + 1
        yield begin, end
        begin = end if data.startswith(BEGIN, end) else data.find(_NEXT_BEGIN, end) + 1
        if not begin:
            return


def pieces_backwards(descriptor: int, end: int) -> Iterator[tuple[int, bytes]]:
    """As Pieces, but from `end` to the beginning. Bytes after the last newline before `end` are left out."""
    tail, position = b"", end
    dropping = True
    """Whether the bytes up to the next newline belong to a line that is left out."""
    while position > 0:
        start = max(0, position - BLOCK_BYTES)
        data = os.pread(descriptor, position - start, start)
        position = start
        if dropping:
            whole = data.rfind(b"\n") + 1
            if not whole:
                continue
            data, dropping = data[:whole], False
        else:
            data += tail
        first = data.find(b"\n") + 1 if start else 0  # the first line may have begun before this block
        tail = data[:first]
        if len(tail) > MAX_LINE:
            tail, dropping = b"", True
        if first < len(data):
            yield start + first, data[first:]
