"""The quick look at the chain: bytes in, hashes compared, nothing parsed but the ends of each stretch.

A stretch of whole lines is either whole (each line's `prev` is the hash of the line before it) or
not; which line is to blame is the business of `diagnosis`. Big segments are cut into
stretches that several processes look at side by side.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from hashlib import sha256
from itertools import pairwise

from qt_audit.reading.lines import LONGEST, ends
from qt_audit.record import segments
from qt_audit.record.entry import PREV_SLICE
from qt_audit.record.place import open_file
from qt_audit.verify.workers import spread

BLOCK = 128 * 1024
"""So small that a block and its lines stay in a processor's cache."""
STRETCH = 4 * 1024 * 1024
_SMALL = 4 * STRETCH


class DamagedError(Exception):
    """An archive cannot be decompressed. `kind` is torn (it ends too early) or altered."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the archive is {kind}")
        self.kind = kind


@dataclass(frozen=True)
class Source:
    """A segment, open for reading; its size at the time counts, whatever is appended later."""

    name: str
    descriptor: int
    size: int
    archived: bool

    @property
    def file(self) -> str:
        return self.name + segments.ARCHIVE_SUFFIX if self.archived else self.name

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `end`, of an archive all. Raises DamagedError, OSError."""
        position, end = start, self.size if end is None else min(end, self.size)
        if self.archived:
            yield from _decompressed(self.descriptor, self.size)
            return
        while position < end:
            block = self._read(min(BLOCK, end - position), position)
            if not block:
                return  # cut by a writer that mended a torn tail, or by somebody
            yield block
            position += len(block)

    def _read(self, size: int, position: int) -> bytes:
        try:
            return os.pread(self.descriptor, size, position)
        except OSError as error:
            error.filename = self.file
            raise

    def close(self) -> None:
        os.close(self.descriptor)


def open_source(name: str, record: int) -> Source:
    """The segment, plain or archived. Raises OSError; FileNotFoundError if it is neither."""
    for archived in (False, True, False):  # once more the plain one: an archiving may have failed in between
        try:
            file = name + segments.ARCHIVE_SUFFIX if archived else name
            descriptor, status = open_file(file, record, os.O_RDONLY)
        except FileNotFoundError:
            continue
        return Source(name, descriptor, status.st_size, archived)
    raise FileNotFoundError(2, os.strerror(2), name)


@dataclass(frozen=True)
class Stretch:
    """What a run of whole lines is. `whole`: an unbroken chain, numbered without a hole."""

    lines: int
    whole: bool
    tail: int = 0
    """Bytes behind the last newline."""
    first_seq: int = 0
    first_prev: str = ""
    first_ts: str = ""
    last_seq: int = 0
    last_hash: str = ""
    last_ts: str = ""

    def then(self, after: Stretch) -> Stretch:
        """Both as one, the other being what follows."""
        if not self.lines or not after.lines:
            found = self if self.lines else after
            whole = self.whole and after.whole and not self.tail
            return replace(found, whole=whole, tail=self.tail + after.tail)
        linked = after.first_prev == self.last_hash and after.first_seq == self.last_seq + 1
        return Stretch(
            self.lines + after.lines,
            self.whole and after.whole and linked and not self.tail,
            after.tail,
            self.first_seq,
            self.first_prev,
            self.first_ts,
            after.last_seq,
            after.last_hash,
            after.last_ts,
        )


NOTHING = Stretch(0, True)
BROKEN = Stretch(0, False)


@dataclass(frozen=True)
class Part:
    """What to look at: the lines of a source that begin in [start, end); an archive is one part."""

    source: Source
    start: int
    end: int


def parts(source: Source, boundary: int) -> list[Part]:
    """The source cut into parts; one ends exactly at `boundary`, where the head says that a line ends."""
    if source.archived:
        return [Part(source, 0, source.size)]
    cuts = {*range(0, source.size, STRETCH), source.size}
    if 0 < boundary < source.size:
        cuts.add(boundary)
    edges = sorted(cuts)
    return [Part(source, start, end) for start, end in pairwise(edges)]


def look(part: Part) -> Stretch:
    """Read a part and compare every hash in it."""
    blocks = part.source.blocks() if part.source.archived else _aligned(part)
    try:
        return _compare(blocks)
    except DamagedError:
        return BROKEN


def look_at_all(todo: Sequence[Part], jobs: int, progress: Callable[[int], None]) -> list[Stretch]:
    """Look at all parts, with as many processes as pay off. `progress` is told how many bytes are done."""
    done, found = 0, []
    jobs = min(jobs, len(todo)) if sum(part.end - part.start for part in todo) > _SMALL else 1
    for part, stretch in zip(todo, _looks(todo, jobs), strict=True):
        done += part.end - part.start
        progress(done)
        found.append(stretch)
    return found


def _looks(todo: Sequence[Part], jobs: int) -> Iterator[Stretch]:
    if jobs == 1:
        yield from map(look, todo)
        return
    found: dict[int, Stretch] = {}
    due = 0
    for number, fields in spread(lambda number: astuple(look(todo[number])), len(todo), jobs):
        found[number] = Stretch(*fields)
        while due in found:
            yield found.pop(due)
            due += 1
    for number in range(due, len(todo)):  # what was left undone shows here what is wrong
        yield found.get(number) or look(todo[number])


def _compare(blocks: Iterator[bytes]) -> Stretch:
    """The chain of these bytes, from their first line on."""
    first = last = rest = b""
    linked, count, broken = b"", 0, False
    for block in blocks:
        lines = block.split(b"\n")
        lines[0] = rest + lines[0]  # not the whole block: that would be a copy of everything
        rest = lines.pop()
        if len(rest) > LONGEST:
            return BROKEN
        if not lines:
            continue
        hashes = b"".join([digest.digest() for digest in map(sha256, lines)])
        before = b"".join([line[PREV_SLICE] for line in lines])
        if not count:
            first, linked = lines[0], _bytes_of_hex(before[:64])
        broken = broken or (linked + hashes[:-32]).hex().encode() != before
        count, last, linked = count + len(lines), lines[-1], hashes[-32:]
    if not count:
        return Stretch(0, True, len(rest))
    begin, end = ends(first), ends(last)
    if begin is None or end is None:
        return Stretch(count, False, len(rest))
    numbered = end[0] - begin[0] + 1 == count
    return Stretch(
        count, numbered and not broken, len(rest), begin[0], begin[2], begin[1], end[0], linked.hex(), end[1]
    )


def _bytes_of_hex(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return b""


def _aligned(part: Part) -> Iterator[bytes]:
    """The lines that begin in the part: they follow the newlines from `start` - 1 to `end` - 2."""
    source, start, end = part.source, part.start, part.end
    skipping = start > 0
    for block in source.blocks(max(0, start - 1), end):
        if skipping:
            newline = block.find(b"\n")
            if newline < 0:
                continue
            skipping, block = False, block[newline + 1 :]
        if block:
            yield block
    if skipping or end >= source.size or os.pread(source.descriptor, 1, end - 1) == b"\n":
        return
    for block in source.blocks(end):
        newline = block.find(b"\n") + 1
        yield block[:newline] if newline else block
        if newline:
            return


def _decompressed(descriptor: int, size: int) -> Iterator[bytes]:
    """What an archive holds. Raises DamagedError where it cannot be decompressed."""
    stream, position, data = zlib.decompressobj(wbits=31), 0, b""
    while position < size or data:
        if not data:
            data = os.pread(descriptor, BLOCK, position)
            position += len(data)
            if not data:
                break
        try:
            block = stream.decompress(data, 4 * BLOCK)
        except zlib.error:
            raise DamagedError("altered") from None
        if block:
            yield block
        data = stream.unconsumed_tail
        if stream.eof:
            data = stream.unused_data.lstrip(b"\0")
            if data:
                stream = zlib.decompressobj(wbits=31)
    if not stream.eof:
        raise DamagedError("torn")
