"""Compress finished months, and remove the oldest if a retention is set. The record is always readable.

A segment is compressed into a new file, read back, compared, made durable and renamed before the plain file
is removed. Before retention removes a segment, an entry that says so is durable. After a crash the next run
completes the work.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import takewhile
from typing import Any, BinaryIO, cast

from qt_audit.reading.lines import chain_fields
from qt_audit.record import segments
from qt_audit.record.compressed import DamagedError
from qt_audit.record.entry import now
from qt_audit.record.head import Head, read_snapshot
from qt_audit.record.place import Place, inherit_owner, open_file
from qt_audit.record.writer import FINISHED_MODE
from qt_audit.verify.removals import Removal, last_retention, months_since
from qt_audit.verify.scan import (
    EMPTY_SECTION,
    ChainSection,
    SegmentFile,
    open_segment_file,
    parts,
    scan_parts,
)
from qt_audit.verify.snapshot import open_record_directory

COMPRESSED, REMOVED, MENDED, FAULTY = "compressed", "removed", "mended", "faulty"
_TEMPORARY = ".gz.tmp"
_LEFTOVER = re.compile(segments.NAME_PATTERN + r"\.gz\.tmp")
_BLOCK = 1 << 20

Announce = Callable[[Removal], None]
"""Records that a segment will be removed; durable when it returns. If it raises, nothing is removed."""


State = Callable[[int], None]
"""Records for how many months segments are kept from now on; durable when it returns, or it raises."""


class BusyError(Exception):
    """Another archiving is under way."""


@dataclass(frozen=True)
class Step:
    """What was done to a segment, or would be; for a faulty one, the reason why nothing was done."""

    what: str
    segment: str
    entries: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """Ages in whole months since a segment's month ended: compress `after`, `keep` for (0: for ever)."""

    after: int
    keep: int
    dry: bool = False


def archive(place: Place, plan: Plan, announce: Announce, state: State | None = None) -> Iterator[Step]:
    """Do what is due, oldest segment first, and yield each step as it is done.

    The head's segment is never changed, and a faulty one is kept. The present is the clock's time, or the
    head's if that is earlier, so that a clock that is ahead removes nothing. A segment of a month that has
    not come, written while the clock was ahead, is as old as the one after it. `state` is called first where
    no entry that stays says what the retention is. Raises OSError, BusyError.
    """
    with open_record_directory(place) as record, _archiving_lock(record):
        head = read_snapshot(record)
        if head is None or not head.segment:
            return
        if not plan.dry:
            _remove_leftovers(record)
        names = segments.names(record)
        finished = [
            name for name in names if name not in (head.segment, *segments.after(head.segment, names))
        ]
        ts = min(now(), head.ts)
        ages = dict(zip(finished, _ages(finished, ts), strict=True))
        expired = list(takewhile(lambda name: plan.keep and ages[name] >= plan.keep, finished))
        if state and not plan.dry and _stated_retention(names[len(expired) :], record) != plan.keep:
            state(plan.keep)
        for name in expired:
            step = _remove(name, record, plan, head, announce)
            yield step
            if step.what == FAULTY:
                break  # a gap after it could not be told from a removal by somebody
        for name in finished[len(expired) :]:
            if not plan.dry:
                _make_read_only(name, record)
            yield from _compress(name, record, ages[name] >= plan.after, plan.dry, head)


def _ages(finished: list[str], ts: str) -> list[int]:
    """The age of each segment in whole months, oldest entries first."""
    ages: list[int] = []
    after = -1
    for name in reversed(finished):
        after = after if name[:7] > ts[:7] else months_since(name, ts)
        ages.append(after)
    return ages[::-1]


def _stated_retention(names: list[str], record: int) -> int:
    """For how many months these segments say that the record keeps segments; 0 if they do not say."""
    for name in reversed(names):
        source = open_segment_file(name, record)
        try:
            stated = last_retention([source])
        finally:
            source.close()
        if stated is not None:
            return stated.months
    return 0


@contextmanager
def _archiving_lock(record: int) -> Iterator[None]:
    """One archiving at a time: a lock on the directory itself, so that no lock file is needed."""
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=record)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another archiving is under way; it ends on its own") from None
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(record: int) -> None:
    """Remove the half-written files of an interrupted run."""
    for name in os.listdir(record):
        if _LEFTOVER.fullmatch(name):
            os.unlink(name, dir_fd=record)


def _exists(name: str, record: int) -> bool:
    try:
        os.stat(name, dir_fd=record, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _scan(name: str, record: int) -> ChainSection:
    """The chain section of a whole segment. Raises OSError if it cannot be read."""
    source = open_segment_file(name, record)
    try:
        whole = EMPTY_SECTION
        for section in scan_parts(parts(source, 0), 1, lambda _done: None):
            whole = whole.joined_with(section)
        return whole
    finally:
        source.close()


def _make_read_only(name: str, record: int) -> None:
    """Make it read-only again: the writer did at the end of its month, but a power cut may have undone it."""
    with suppress(FileNotFoundError):  # it is compressed, or somebody removed it
        descriptor, status = open_file(name, record, os.O_RDONLY)
        try:
            if status.st_mode & 0o222:
                os.fchmod(descriptor, FINISHED_MODE)
        finally:
            os.close(descriptor)


# Compressing.


def _compress(name: str, record: int, old_enough: bool, dry: bool, head: Head) -> Iterator[Step]:
    """Compress a plain segment that is whole, and old enough or left from an interrupted run."""
    archived = name + segments.ARCHIVE_SUFFIX
    cut_short = _exists(archived, record)
    if not _exists(name, record) or not (cut_short or old_enough):
        return
    whole = _scan(name, record)
    reason = _why_faulty(name, whole, record, head)
    if reason:
        yield Step(FAULTY, name, whole.lines, reason=reason)
        return
    if dry:
        yield Step(COMPRESSED, name, whole.lines, _size(name, record))
        return
    before = _size(name, record)
    _write_archive(name, record)
    os.rename(name + _TEMPORARY, archived, src_dir_fd=record, dst_dir_fd=record)
    os.fsync(record)
    os.unlink(name, dir_fd=record)
    os.fsync(record)
    yield Step(MENDED if cut_short else COMPRESSED, name, whole.lines, before, _size(archived, record))


def _why_faulty(name: str, whole: ChainSection, record: int, head: Head) -> str:
    """Why a segment must not be changed; "" if it is whole and the next segment or the head continues it."""
    if whole.tail or not whole.whole:
        return "its chain is broken"
    if not whole.lines:
        return ""
    for later in segments.after(name, segments.names(record)):
        if (first := _first_line(later, record)) is not None:
            linked = first.first_prev == whole.last_hash and first.first_seq == whole.last_seq + 1
            return "" if linked else f"{later} does not continue it"
    return "" if head.hash == whole.last_hash else "the head does not continue it"


def _first_line(name: str, record: int) -> ChainSection | None:
    """The first line of a segment; None if it has none."""
    source = open_segment_file(name, record)
    try:
        for block in source.blocks():
            line, newline, _ = block.partition(b"\n")
            found = chain_fields(line) if newline else None
            return ChainSection(1, True, 0, found[0], found[2], found[1]) if found else None
        return None
    except DamagedError:
        return None
    finally:
        source.close()


def _size(name: str, record: int) -> int:
    return os.stat(name, dir_fd=record, follow_symlinks=False).st_size


def _write_archive(name: str, record: int) -> None:
    """Write the archive under its temporary name: durable, read back and compared. Raises OSError."""
    descriptor, _ = open_file(name, record, os.O_RDONLY)
    temporary, _ = open_file(name + _TEMPORARY, record, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "rb") as plain, os.fdopen(os.dup(temporary), "wb") as target:
            expected = _copy(plain, target)
            os.fchmod(temporary, FINISHED_MODE)
            inherit_owner(temporary, record)
            os.fsync(temporary)
        archived = SegmentFile(name, temporary, os.fstat(temporary).st_size, archived=True)
        if _hash_of(archived.blocks()) != expected:
            raise OSError(
                f"{name}: its archive does not hold what was written to it; the disk may be failing"
            )
    except BaseException:
        os.unlink(name + _TEMPORARY, dir_fd=record)
        raise
    finally:
        os.close(temporary)


def _copy(plain: BinaryIO, target: BinaryIO) -> str:
    """Compress one file into another; the hash of what was compressed."""
    digest = sha256()
    # Without time and name in it the same segment always gives the same archive.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=target, mtime=0) as packed:
        while block := plain.read(_BLOCK):
            digest.update(block)
            cast(BinaryIO, packed).write(block)
    return digest.hexdigest()


def _hash_of(blocks: Iterator[bytes]) -> str:
    digest = sha256()
    try:
        for block in blocks:
            digest.update(block)
    except DamagedError:
        return ""
    return digest.hexdigest()


# Retention.


def _remove(name: str, record: int, plan: Plan, head: Head, announce: Announce) -> Step:
    """Remove a segment whose retention is over, after an entry says so."""
    whole = _scan(name, record)
    reason = _why_faulty(name, whole, record, head)
    if reason:
        return Step(FAULTY, name, whole.lines, reason=f"{reason}; it is evidence, and is kept")
    files = [file for file in (name + segments.ARCHIVE_SUFFIX, name) if _exists(file, record)]
    size = sum(_size(file, record) for file in files)
    if not plan.dry:
        if whole.lines:
            announce(Removal(0, name, whole.first_seq, whole.last_seq, whole.last_hash))
        for file in files:
            os.unlink(file, dir_fd=record)
        os.fsync(record)
    return Step(REMOVED, name, whole.lines, size)
