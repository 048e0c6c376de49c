"""Find lines of a plain segment by time or from its end, without reading it whole.

Times are at a fixed place of each line and never decrease, so a segment is bisected by byte offset. All
functions work on a file that grows meanwhile.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 1 << 16
_TS_SIZE = 27
_BEGIN = b'{"seq":'
_TS = b',"ts":"'


def line_time(line: bytes) -> str | None:
    """The time of an entry's line, read at its place; None if the line does not begin as an entry does."""
    if not line.startswith(_BEGIN):
        return None
    begin = line.find(_TS, 8, 32) + len(_TS)
    if begin < len(_TS) or line[begin + _TS_SIZE : begin + _TS_SIZE + 1] != b'"':
        return None
    return line[begin : begin + _TS_SIZE].decode("ascii", "replace")


def lines(descriptor: int, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """(offset, line) of each whole line that begins at or after `start` and ends before `size`."""
    skipping = start > 0  # the byte before shows whether a line begins exactly here
    offset = position = start - 1 if skipping else 0
    rest = b""
    while position < size:
        block = os.pread(descriptor, min(BLOCK_BYTES, size - position), position)
        if not block:
            return
        position += len(block)
        data = rest + block
        begin = 0
        if skipping:
            begin = data.find(b"\n") + 1
            if not begin:
                offset += len(data)
                continue
            skipping = False
        while (end := data.find(b"\n", begin)) >= 0:
            yield offset + begin, data[begin : end + 1]
            begin = end + 1
        offset, rest = offset + begin, data[begin:]


def offset_of(descriptor: int, size: int, ts: str) -> int:
    """Where the first entry at or after `ts` begins; `size` if there is none. Reads a few blocks."""
    low, high = 0, size
    while high - low > BLOCK_BYTES:
        middle = (low + high) // 2
        found = _entry_from(descriptor, middle, size)
        if found is None or found[1] >= ts:
            high = middle
        else:
            low = found[0] + 1
    for offset, line in lines(descriptor, low, size):
        time = line_time(line)
        if time is not None and time >= ts:
            return offset
    return size


def _entry_from(descriptor: int, start: int, size: int) -> tuple[int, str] | None:
    """Offset and time of the first entry that begins at or after `start`."""
    for offset, line in lines(descriptor, start, size):
        time = line_time(line)
        if time is not None:
            return offset, time
    return None


def lines_backwards(descriptor: int, end: int) -> Iterator[bytes]:
    """The complete lines before `end` (the end of a line or of the file), the last one first."""
    position, rest, whole = end, b"", False
    while position > 0:
        start = max(0, position - BLOCK_BYTES)
        data = os.pread(descriptor, position - start, start) + rest
        position = start
        if not whole:
            cut = data.rfind(b"\n") + 1  # after the last newline is a torn line
            if not cut:
                rest = data
                continue
            data, whole = data[:cut], True
        found = [line + b"\n" for line in data.split(b"\n")[:-1]]
        rest = found.pop(0) if position else b""  # it may have begun before this block
        yield from reversed(found)
