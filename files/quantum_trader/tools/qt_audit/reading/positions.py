"""Find lines of a plain segment by time or from its end, without reading it whole.

Times are at a fixed place of each line and never decrease, so a segment is bisected by byte offset. All
functions work on a file that grows meanwhile.
"""

from __future__ import annotations

from qt_audit.record.entry import MAX_LINE
from qt_audit.record.lines import (
    BEGIN,
    BLOCK_BYTES,
    Pieces,
    candidate_offsets,
    candidates,
    descriptor_blocks,
    pieces_backwards,
)
from qt_audit.record.parsing import is_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_TS_SIZE = 27
_TS = b',"ts":"'


def line_time(line: bytes) -> str | None:
    """The time of an entry's line, read at its place; None if the line does not begin as an entry does."""
    if not line.startswith(BEGIN):
        return None
    begin = line.find(_TS, 8, 32) + len(_TS)
    if begin < len(_TS) or line[begin + _TS_SIZE : begin + _TS_SIZE + 1] != b'"':
        return None
    return line[begin : begin + _TS_SIZE].decode("ascii", "replace")


def lines(descriptor: int, start: int, size: int, before: int | None = None) -> Iterator[tuple[int, bytes]]:
    """(offset, line) of each whole line that may be an entry, begins at or after `start` and ends by `size`.

    With `before` only those that begin before it.
    """
    inside = start > 0  # the byte before shows whether a line begins exactly here
    end_of_last = size if before is None else min(size, before + MAX_LINE)
    blocks = descriptor_blocks(descriptor, start - inside, end_of_last)
    for offset, data in Pieces(blocks, start - inside, inside):
        for begin, end in candidate_offsets(data):
            if before is not None and offset + begin >= before:
                return
            yield offset + begin, data[begin:end]


def offset_of(descriptor: int, size: int, ts: str, any_line: bool = False) -> int:
    """Where the first entry at or after `ts` begins; `size` if there is none.

    With `any_line` a line that is no entry counts too, if it has such a time in its place: the window that
    begins here then has it, to be counted.

    Reads a few blocks; where there are no entries, it reads on to the next one, at most the whole file.
    """
    low, high = 0, size
    while high - low > BLOCK_BYTES:
        middle = (low + high) // 2
        found = _first_time(descriptor, middle, size, high)
        if found is None or found[1] >= ts:
            high = middle
        else:
            low = found[0] + 1
    for offset, line in lines(descriptor, low, size):
        time = line_time(line)
        if time is not None and time >= ts and (any_line or is_entry(line)):
            return offset
    return size


def _first_time(descriptor: int, start: int, size: int, before: int) -> tuple[int, str] | None:
    """Offset and time of the first entry that begins at or after `start` and before `before`."""
    for offset, line in lines(descriptor, start, size, before):
        time = line_time(line)
        if time is not None and is_entry(line):
            return offset, time
    return None


def candidates_backwards(descriptor: int, end: int) -> Iterator[bytes]:
    """The complete lines before `end` (of a line or of the file) that may be entries, the last one first."""
    for _, data in pieces_backwards(descriptor, end):
        found, _ = candidates(data)
        yield from reversed(found)
