"""Scan the chain quickly: compare the hashes of all lines, and parse only what does not look like an entry.

A section is either whole (each line is an entry whose `prev` is the hash of the line before it) or not;
`diagnosis` finds the faulty line. Large segments are cut into parts, which several processes scan at the same
time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from hashlib import sha256
from itertools import pairwise

from qt_audit.reading.lines import MAX_HELD, are_linked_entries, chain_fields
from qt_audit.record import segments
from qt_audit.record.compressed import DamagedError, decompressed
from qt_audit.record.entry import PREV_SLICE
from qt_audit.record.parsing import is_entry
from qt_audit.record.place import open_file
from qt_audit.verify.workers import run_in_processes

BLOCK_BYTES = 128 * 1024
"""Small enough for a block and its lines to stay in a processor's cache."""
PART_BYTES = 4 * 1024 * 1024
_MIN_FOR_PROCESSES = 4 * PART_BYTES


@dataclass(frozen=True)
class SegmentFile:
    """A segment, open for reading up to the size that it had when it was opened."""

    name: str
    descriptor: int
    size: int
    archived: bool

    @property
    def file(self) -> str:
        return self.name + segments.ARCHIVE_SUFFIX if self.archived else self.name

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `end`; of an archive all bytes. Raises DamagedError, OSError."""
        position, end = start, self.size if end is None else min(end, self.size)
        if self.archived:
            yield from decompressed(self.descriptor, self.size)
            return
        while position < end:
            block = self._read(min(BLOCK_BYTES, end - position), position)
            if not block:
                return  # a writer cut a torn tail, or somebody cut the file
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


def open_segment_file(name: str, record: int) -> SegmentFile:
    """The segment, plain or archived. Raises OSError; FileNotFoundError if there is neither file."""
    for archived in (False, True, False):  # the plain one again: an archiving may have failed meanwhile
        try:
            file = name + segments.ARCHIVE_SUFFIX if archived else name
            descriptor, status = open_file(file, record, os.O_RDONLY)
        except FileNotFoundError:
            continue
        return SegmentFile(name, descriptor, status.st_size, archived)
    raise FileNotFoundError(2, os.strerror(2), name)


@dataclass(frozen=True)
class ChainSection:
    """A run of complete lines of the chain. `whole`: no hash is wrong and no number is missing."""

    lines: int
    whole: bool
    tail: int = 0
    """Bytes after the last newline."""
    first_seq: int = 0
    first_prev: str = ""
    first_ts: str = ""
    last_seq: int = 0
    last_hash: str = ""
    last_ts: str = ""

    def joined_with(self, after: ChainSection) -> ChainSection:
        """Both as one section; `after` follows this one."""
        if not self.lines or not after.lines:
            found = self if self.lines else after
            whole = self.whole and after.whole and not self.tail
            return replace(found, whole=whole, tail=self.tail + after.tail)
        linked = after.first_prev == self.last_hash and after.first_seq == self.last_seq + 1
        return ChainSection(
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


EMPTY_SECTION = ChainSection(0, True)
BROKEN_SECTION = ChainSection(0, False)


@dataclass(frozen=True)
class Part:
    """The lines of a segment that begin in [start, end); an archive is one part."""

    source: SegmentFile
    start: int
    end: int


def parts(source: SegmentFile, head_offset: int) -> list[Part]:
    """The segment cut into parts; one ends exactly at `head_offset`, where the head's line ends."""
    if source.archived:
        return [Part(source, 0, source.size)]
    cuts = {*range(0, source.size, PART_BYTES), source.size}
    if 0 < head_offset < source.size:
        cuts.add(head_offset)
    edges = sorted(cuts)
    return [Part(source, start, end) for start, end in pairwise(edges)]


def scan_part(part: Part) -> ChainSection:
    """Read a part and compare every hash in it."""
    blocks = part.source.blocks() if part.source.archived else _blocks_of_part(part)
    try:
        return _compare_hashes(blocks)
    except DamagedError:
        return BROKEN_SECTION


def scan_parts(all_parts: Sequence[Part], jobs: int, progress: Callable[[int], None]) -> list[ChainSection]:
    """Scan all parts, in several processes if they are large. `progress` gets the number of bytes done."""
    done, found = 0, []
    jobs = (
        min(jobs, len(all_parts))
        if sum(part.end - part.start for part in all_parts) > _MIN_FOR_PROCESSES
        else 1
    )
    for part, section in zip(all_parts, _scan_in_order(all_parts, jobs), strict=True):
        done += part.end - part.start
        progress(done)
        found.append(section)
    return found


def _scan_in_order(all_parts: Sequence[Part], jobs: int) -> Iterator[ChainSection]:
    if jobs == 1:
        yield from map(scan_part, all_parts)
        return
    found: dict[int, ChainSection] = {}
    due = 0
    for number, fields in run_in_processes(
        lambda number: astuple(scan_part(all_parts[number])), len(all_parts), jobs
    ):
        found[number] = ChainSection(*fields)
        while due in found:
            yield found.pop(due)
            due += 1
    for number in range(due, len(all_parts)):  # a task that failed in its process raises its error here
        yield found.get(number) or scan_part(all_parts[number])


def _compare_hashes(blocks: Iterator[bytes]) -> ChainSection:
    """The section of the chain that these bytes hold, from their first line on."""
    first = last = rest = b""
    linked, count, whole = b"", 0, True
    for block in blocks:
        lines = block.split(b"\n")
        lines[0] = rest + lines[0]  # adding to the whole block would copy all of it
        rest = lines.pop()
        if len(rest) > MAX_HELD:
            whole = False
        elif lines:
            hashes = b"".join([digest.digest() for digest in map(sha256, lines)])
            before = b"".join([line[PREV_SLICE] for line in lines])
            if not count:
                first, linked = lines[0], _bytes_of_hex(before[:64])
            whole = (linked + hashes[:-32]).hex().encode() == before and are_linked_entries(lines, block)
            count, last, linked = count + len(lines), lines[-1], hashes[-32:]
        if not whole:
            return _ends_of(blocks, count, first or lines[0] if lines else first, last, rest)
    if not count:
        return ChainSection(0, True, len(rest))
    begin, end = chain_fields(first), chain_fields(last)
    assert begin is not None
    assert end is not None
    numbered = end[0] - begin[0] + 1 == count
    return ChainSection(
        count, numbered, len(rest), begin[0], begin[2], begin[1], end[0], linked.hex(), end[1]
    )


def _ends_of(blocks: Iterator[bytes], count: int, first: bytes, last: bytes, rest: bytes) -> ChainSection:
    """The first and the last line of a section that is not whole, and how many lines it has."""
    rest, tail = rest[:MAX_HELD], len(rest)
    for block in blocks:
        count += block.count(b"\n")
        end = block.rfind(b"\n")
        if end < 0:
            rest, tail = rest + block[: MAX_HELD - len(rest)], tail + len(block)
            continue
        begin = block.rfind(b"\n", 0, end) + 1
        last = block[begin:end] if begin else (rest + block[:end])[:MAX_HELD]
        rest, tail = block[end + 1 :][:MAX_HELD], len(block) - end - 1
        first = first or last
    begin_fields = chain_fields(first) if is_entry(first) else None
    end_fields = chain_fields(last) if is_entry(last) else None
    return ChainSection(
        max(count, 1),
        False,
        tail,
        *((begin_fields[0], begin_fields[2], begin_fields[1]) if begin_fields else (0, "", "")),
        *((end_fields[0], sha256(last).hexdigest(), end_fields[1]) if end_fields else (0, "", "")),
    )


def _bytes_of_hex(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return b""


def _blocks_of_part(part: Part) -> Iterator[bytes]:
    """The bytes of the lines that begin in the part, after the newlines from `start` - 1 to `end` - 2."""
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
    for block in source.blocks(end, end + 2 * MAX_HELD):  # of a longer line the rest tells nothing
        newline = block.find(b"\n") + 1
        yield block[:newline] if newline else block
        if newline:
            return
