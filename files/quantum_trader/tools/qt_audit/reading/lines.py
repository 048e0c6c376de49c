"""Lines of the record for `verify`: all of them, with their numbers, in bounded memory, and hardly parsed.

Whether a line is an entry is decided by `parse`. What the pattern of a plain line matches is an entry but for
its details, so that most lines need not be parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from qt_audit.record.entry import MAX_LINE, OUTCOMES, PREV_SLICE, EntryError
from qt_audit.record.lines import BEGIN
from qt_audit.record.parsing import (
    CHARACTERS,
    DAY_PATTERN,
    ESCAPE,
    TIME_PATTERN,
    is_entry,
    is_valid_shape,
    parse_details,
    shape,
)

MAX_HELD = 4 * MAX_LINE
"""Bytes of a line that are held: it is no entry if it is longer, but may be two whose newline was changed."""
_BEGIN = re.compile(rb'\{"seq":([1-9]\d{0,18}),"ts":"([0-9TZ:.-]{27})",')
_END = re.compile(rb',"prev":"([0-9a-f]{64})"\}\Z')
_JOIN = re.compile(rb'(?<=[0-9a-f]"\})[^\n]{0,4}?(?=\{"seq":\d{1,20},"ts":")')
_JOINED = b',"ts":"'


def _entry_pattern(text: str, details: str) -> re.Pattern[bytes]:
    """The pattern of a whole line whose texts and details have these patterns; its group is the details.

    `prev` may be any 64 bytes: it is compared with the hash of the line before.
    """
    return re.compile(
        (
            rf'^\{{"seq":[1-9][0-9]{{0,17}},"ts":"{DAY_PATTERN}{TIME_PATTERN}","action":"{text}",'
            rf'"source":"{text}","outcome":"(?:{"|".join(OUTCOMES)})","host":"{text}","user":"{text}",'
            rf'"pid":[1-9][0-9]{{0,9}},"run":(?:null|"{text}"),"details":(\{{{details}\}}),'
            r'"prev":".{64}"\}$'
        ).encode("ascii"),
        re.MULTILINE,
    )


_PLAIN = _entry_pattern(CHARACTERS, r"[^}\\\n]*")
_ESCAPED = _entry_pattern(f"{CHARACTERS}(?:{ESCAPE}{CHARACTERS})*", r"[^\n]*")


def are_linked_entries(lines: Sequence[bytes], block: bytes) -> bool:
    """Whether all these lines are entries, given that `prev` of each but the first is a hash.

    `block` holds the lines, the first one perhaps from its middle on.
    """
    if max(map(len, lines)) >= MAX_LINE or not is_entry(lines[0]):
        return False
    details = _PLAIN.findall(block, block.index(b"\n"), block.rindex(b"\n"))
    others = [line for line in lines[1:] if b"\\" in line] if b"\\" in block else []
    if len(details) + len(others) != len(lines) - 1:
        details, others = [], list(lines[1:])
    for line in others:
        match = _ESCAPED.match(line)
        if match is not None:
            details.append(match[1])
        elif not is_entry(line):
            return False
    return not details or _are_details(b"\n".join(details))


def _are_details(data: bytes) -> bool:
    """Whether all lines of the data are details of entries."""
    shapes = shape(data).split(b"\n")
    unknown = {its for its in set(shapes) if not is_valid_shape(its)}
    try:
        for text, its in zip(data.split(b"\n"), shapes, strict=True) if unknown else ():
            if its in unknown:
                parse_details(text.decode("ascii"))
    except (EntryError, UnicodeDecodeError):
        return False
    return True


def chain_fields(line: bytes) -> tuple[int, str, str] | None:
    """`seq`, `ts` and `prev` of a line without its newline; None if one is not in its place."""
    begin, end = _BEGIN.match(line), _END.search(line[-80:])
    if begin is None or end is None:
        return None
    return int(begin[1]), begin[2].decode(), end[1].decode()


def _may_be_joined(line: bytes) -> bool:
    """Whether a line may hold several entries, because a newline was changed."""
    return line.count(_JOINED) > 1


@dataclass(frozen=True)
class Line:
    """A line of a segment, or a run of lines that are no entries.

    `seq` is None and `prev` empty if it is no entry.
    """

    number: int
    data: bytes
    """At most MAX_HELD bytes of the (first) line."""
    has_newline: bool
    """Whether a newline follows the data."""
    end: int
    """Bytes of the segment up to the end of the line."""
    seq: int | None
    prev: str
    hash: str
    count: int = 1
    """How many lines it stands for."""
    size: int = 0
    """Their bytes, with their newlines."""

    @classmethod
    def of(cls, number: int, data: bytes, ended: bool, end: int) -> Line:
        return cls.with_fields(number, data, ended, end, chain_fields(data) if is_entry(data) else None)

    @classmethod
    def with_fields(
        cls, number: int, data: bytes, ended: bool, end: int, fields: tuple[int, str, str] | None
    ) -> Line:
        """The line with its `chain_fields`, or None if it is no entry."""
        seq, _, prev = fields or (None, "", "")
        return cls(number, data, ended, end, seq, prev, sha256(data).hexdigest(), 1, len(data) + ended)

    def hash_with_prev(self, prev: str) -> str:
        """The hash of this line with another `prev`."""
        return sha256(
            self.data[: PREV_SLICE.start] + prev.encode() + self.data[PREV_SLICE.stop :]
        ).hexdigest()

    def joined_entries(self) -> list[Line]:
        """The entries in this line, if a newline between them was changed; [] if it is not so."""
        if not _may_be_joined(self.data):
            return []
        found = [Line.of(self.number, data, True, self.end) for data in _JOIN.split(self.data)]
        return found if len(found) > 1 and all(piece.seq is not None for piece in found) else []


def lines_of(blocks: Iterator[bytes]) -> Iterator[Line]:
    """All lines, also the bytes after the last newline.

    Lines in a row that are no entries are given as one.
    """
    splitter = _Splitter()
    for block in blocks:
        yield from splitter.lines(block)
    yield from splitter.rest()


class _Splitter:
    """Cuts blocks into lines."""

    def __init__(self) -> None:
        self._number = self._end = 0
        self._line = b""
        self._line_size = 0
        """Of the line that has not ended yet: its beginning, and all its bytes."""
        self._run = b""
        self._run_count = self._run_size = 0
        """Of the lines that are no entries and were not given yet."""

    def lines(self, block: bytes) -> Iterator[Line]:
        """The lines that end in the block."""
        begin = 0
        while begin < len(block):
            end = block.find(b"\n", begin) + 1
            if not end:
                self._extend(block[begin:])
                return
            if not self._line_size and not block.startswith(BEGIN, begin):
                # Pass over all lines up to the next one that begins as an entry does.
                following = block.find(b"\n" + BEGIN, begin)
                stop = following + 1 if following >= 0 else block.rindex(b"\n") + 1
                self._add_to_run(block[begin : end - 1], block.count(b"\n", begin, stop), stop - begin)
                begin = stop
                continue
            self._extend(block[begin : end - 1])
            data, size = self._line, self._line_size + 1
            self._line, self._line_size, begin = b"", 0, end
            held = len(data) == size - 1
            fields = chain_fields(data) if held and is_entry(data) else None
            if fields is None and not (held and _may_be_joined(data)):
                self._add_to_run(data, 1, size)
                continue
            yield from self._given_run()
            self._number += 1
            self._end += size
            yield Line.with_fields(self._number, data, True, self._end, fields)

    def rest(self) -> Iterator[Line]:
        """What was not given yet when there are no more blocks."""
        yield from self._given_run()
        if self._line_size:
            end = self._end + self._line_size
            line = Line.of(self._number + 1, self._line, False, end)
            yield replace(line, size=self._line_size)

    def _extend(self, data: bytes) -> None:
        self._line += data[: MAX_HELD - len(self._line)]
        self._line_size += len(data)

    def _add_to_run(self, data: bytes, count: int, size: int) -> None:
        if not self._run_count:
            self._run = data[:MAX_HELD]
        self._run_count += count
        self._run_size += size

    def _given_run(self) -> Iterator[Line]:
        if not self._run_count:
            return
        first, count, size = self._number + 1, self._run_count, self._run_size
        self._number += count
        self._end += size
        digest = sha256(self._run).hexdigest()
        yield Line(first, self._run, True, self._end, None, "", digest, count, size)
        self._run, self._run_count, self._run_size = b"", 0, 0
