"""Lines of the record, unparsed: number and time from their start, `prev` from their end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from qt_audit.record.entry import PREV_SLICE

LONGEST = 1 << 20
"""Bytes without a newline after which they are no line of ours, whatever follows."""
_BEGIN = re.compile(rb'\{"seq":([1-9]\d{0,19}),"ts":"([0-9TZ:.-]{27})",')
_END = re.compile(rb',"prev":"([0-9a-f]{64})"\}\Z')
_JOINT = re.compile(rb'(?<=[0-9a-f]"\})[^\n]{0,4}?(?=\{"seq":\d{1,20},"ts":")')


def ends(line: bytes) -> tuple[int, str, str] | None:
    """`seq`, `ts` and `prev` of a line without its newline; None if it does not have them in their places."""
    begin, end = _BEGIN.match(line), _END.search(line[-80:])
    if begin is None or end is None:
        return None
    return int(begin[1]), begin[2].decode(), end[1].decode()


@dataclass(frozen=True)
class Line:
    """A line of a segment; `seq` is None and `prev` empty if it is no entry."""

    number: int
    data: bytes
    ended: bool
    """Whether a newline follows."""
    end: int
    """Bytes of the segment up to the end of the line."""
    seq: int | None
    prev: str
    hash: str

    @classmethod
    def of(cls, number: int, data: bytes, ended: bool, end: int) -> Line:
        seq, _, prev = ends(data) or (None, "", "")
        return cls(number, data, ended, end, seq, prev, sha256(data).hexdigest())

    def restored(self, prev: str) -> str:
        """The hash that this line would have with another `prev`."""
        return sha256(
            self.data[: PREV_SLICE.start] + prev.encode() + self.data[PREV_SLICE.stop :]
        ).hexdigest()

    def pieces(self) -> list[Line]:
        """The entries that run together here because a newline between them was changed; [] if none do."""
        found = [Line.of(self.number, data, True, self.end) for data in _JOINT.split(self.data)]
        return found if len(found) > 1 and all(piece.seq is not None for piece in found) else []


def lines_of(blocks: Iterator[bytes]) -> Iterator[Line]:
    """All lines, and what lies behind the last newline; of an endless one only its beginning."""
    rest, number, end = b"", 0, 0
    for block in blocks:
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for data in lines:
            number += 1
            end += len(data) + 1
            yield Line.of(number, data, True, end)
        if len(rest) > LONGEST:
            rest = rest[:LONGEST]  # the rest of it says nothing that its beginning does not
    if rest:
        yield Line.of(number + 1, rest, False, end + len(rest))
