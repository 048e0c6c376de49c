"""Lines of the record, not parsed: number and time are read at their start, `prev` at their end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from qt_audit.record.entry import PREV_SLICE

MAX_LINE_BYTES = 1 << 20
"""So many bytes without a newline are no line of the record."""
_BEGIN = re.compile(rb'\{"seq":([1-9]\d{0,19}),"ts":"([0-9TZ:.-]{27})",')
_END = re.compile(rb',"prev":"([0-9a-f]{64})"\}\Z')
_JOIN = re.compile(rb'(?<=[0-9a-f]"\})[^\n]{0,4}?(?=\{"seq":\d{1,20},"ts":")')


def chain_fields(line: bytes) -> tuple[int, str, str] | None:
    """`seq`, `ts` and `prev` of a line without its newline; None if one is not in its place."""
    begin, end = _BEGIN.match(line), _END.search(line[-80:])
    if begin is None or end is None:
        return None
    return int(begin[1]), begin[2].decode(), end[1].decode()


@dataclass(frozen=True)
class Line:
    """A line of a segment; `seq` is None and `prev` empty if it is no entry."""

    number: int
    data: bytes
    has_newline: bool
    """Whether a newline follows the data."""
    end: int
    """Bytes of the segment up to the end of the line."""
    seq: int | None
    prev: str
    hash: str

    @classmethod
    def of(cls, number: int, data: bytes, ended: bool, end: int) -> Line:
        seq, _, prev = chain_fields(data) or (None, "", "")
        return cls(number, data, ended, end, seq, prev, sha256(data).hexdigest())

    def hash_with_prev(self, prev: str) -> str:
        """The hash of this line with another `prev`."""
        return sha256(
            self.data[: PREV_SLICE.start] + prev.encode() + self.data[PREV_SLICE.stop :]
        ).hexdigest()

    def joined_entries(self) -> list[Line]:
        """The entries in this line, if a newline between them was changed; [] if it is not so."""
        found = [Line.of(self.number, data, True, self.end) for data in _JOIN.split(self.data)]
        return found if len(found) > 1 and all(piece.seq is not None for piece in found) else []


def lines_of(blocks: Iterator[bytes]) -> Iterator[Line]:
    """All lines, also the bytes after the last newline; of a line that is too long, its beginning."""
    rest, number, end = b"", 0, 0
    for block in blocks:
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for data in lines:
            number += 1
            end += len(data) + 1
            yield Line.of(number, data, True, end)
        if len(rest) > MAX_LINE_BYTES:
            rest = rest[:MAX_LINE_BYTES]  # the beginning is enough to report it
    if rest:
        yield Line.of(number + 1, rest, False, end + len(rest))
