"""The head: the last entry's number and hash, in the file `record/head`, which is also the record's lock.

Writers read it as a cache; readers detect a truncated record by it. It is one JSON line of fixed width, so
that one write replaces it. `durable` is the last `seq` that is known to be synced. Only entries up to it were
acknowledged: a power cut that takes unsynced lines is no fault, a lost acknowledged line is one.
"""

from __future__ import annotations

import fcntl
import os
import re
import time

from qt_audit.record.entry import GENESIS
from qt_audit.record.place import open_file

HEAD_NAME = "head"
_FORMAT = '{{"durable":{:20d},"seq":{:20d},"hash":"{}","ts":"{}","segment":"{}","offset":{:{}d}}}\n'
_OFFSET_WIDTH = 20
_NAME_WIDTH = len("2026-11.jsonl")
_DURABLE = slice(11, 31)
_SEQ = slice(38, 58)
_SEGMENT_BEGIN = 179
_SIZE = 512
_YIELDS_BEFORE_PAUSE = 20
_PATTERN = re.compile(
    r'\{"durable": *(\d+),"seq": *(\d+),"hash":"([0-9a-f]{64})","ts":"([0-9TZ:.-]{27})?",'
    r'"segment":"(\d{4}-\d\d(?:\.\d{1,4})?\.jsonl)?","offset": *(\d+)\}\n'
)


class Head:
    """Where the record ends."""

    __slots__ = ("durable", "hash", "offset", "segment", "seq", "ts")

    def __init__(self, seq: int, hash: str, ts: str, segment: str, offset: int, durable: int) -> None:
        self.seq = seq
        self.hash = hash
        self.ts = ts
        """The last entry's time, or the end of a summarised period. No later entry is earlier, unless the
        clock turns out to be more than five minutes before it (`clock`)."""
        self.segment = segment
        self.offset = offset
        """Bytes of the segment up to the end of the last entry."""
        self.durable = durable

    def encoded(self) -> bytes:
        """The line that the head file holds. A longer name of a segment takes blanks before the offset."""
        width = _OFFSET_WIDTH - max(0, len(self.segment) - _NAME_WIDTH)
        fields = (self.durable, self.seq, self.hash, self.ts, self.segment, self.offset, width)
        return _FORMAT.format(*fields).encode("ascii")

    def as_dict(self) -> dict[str, int | str]:
        return {"seq": self.seq, "hash": self.hash}


def empty() -> Head:
    """The head of a record that has no entry yet."""
    return Head(0, GENESIS, "", "", 0, 0)


def decode(line: bytes) -> Head | None:
    """The head that these bytes hold; None if they are not a head."""
    match = _PATTERN.match(line.decode("ascii", "replace"))
    if match is None:
        return None
    durable, seq, digest, ts, segment, offset = match.groups("")
    return Head(int(seq), digest, ts, segment, int(offset), int(durable))


class Busy(OSError):
    """The record's lock could not be taken in time: another writer hangs while it holds the lock."""


class Lock:
    """The exclusive lock on a record, on its head file. It ends with `release` or with the process."""

    __slots__ = ("_descriptor",)

    def __init__(self, record: int, mode: int, deadline: float) -> None:
        """Take the lock. `deadline` is a time.monotonic().

        Raises Busy after it, OSError if the file cannot be used.
        """
        while True:
            self._descriptor, opened = open_file(HEAD_NAME, record, os.O_RDWR | os.O_CREAT, mode)
            try:
                if not try_lock(self._descriptor):
                    wait_for_lock(self._descriptor, deadline)
                if _names_same_file(opened.st_ino, record):
                    return
            except BaseException:
                os.close(self._descriptor)
                raise
            os.close(self._descriptor)  # the file was removed or renamed while we waited

    def read(self) -> Head | None:
        """The head; None if the file is empty or torn."""
        return decode(os.pread(self._descriptor, _SIZE, 0))

    def is_new(self) -> bool:
        """Whether no head was ever written to this file."""
        return os.fstat(self._descriptor).st_size == 0

    def write(self, head: Head) -> None:
        """Replace the head. After the first write this takes no more space on the disk."""
        os.pwrite(self._descriptor, head.encoded(), 0)

    def advance(self, head: Head) -> None:
        """Replace all fields but `durable`, which the process that syncs may write at the same time."""
        os.pwrite(self._descriptor, head.encoded()[_DURABLE.stop :], _DURABLE.stop)

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def unlock(self) -> None:
        """Let the next writer in; `mark_durable` may still be called."""
        unlock(self._descriptor)

    def mark_durable(self, seq: int, sole_writer: bool = False) -> None:
        """Write that all entries up to `seq` are synced, unless the head says so of later ones.

        Needs no lock: writers do not touch this field (`advance`). `sole_writer`: the sync was so quick that
        no other process can have synced beside it and written a later `seq`.
        """
        if sole_writer or self.durable() < seq:
            os.pwrite(self._descriptor, b"%20d" % seq, _DURABLE.start)

    def durable(self) -> int:
        """The last `seq` that is known to be synced, read without the lock; 0 if that is unknown."""
        return _durable_of(os.pread(self._descriptor, _SEQ.stop, 0))

    def progress(self, segment: str) -> tuple[int, int]:
        """(`durable`, `seq`), read without the lock; `seq` is 0 if the head is in another segment.

        Reads twice, and `seq` must be the same: one reading may see a half-written head.
        """
        first, second = os.pread(self._descriptor, _SIZE, 0), os.pread(self._descriptor, _SIZE, 0)
        seq, name = first[_SEQ], f'{segment}"'.encode("ascii")
        if not first.startswith(name, _SEGMENT_BEGIN) or second[_SEQ] != seq:
            return self.durable(), 0
        return _durable_of(second), int(seq)

    def release(self) -> None:
        """Release the lock, if it is still held, and close the file."""
        os.close(self._descriptor)


def _durable_of(line: bytes) -> int:
    """The head's `durable`; 0 if it is greater than `seq`, for then no writer would ever sync again."""
    durable = line[_DURABLE]
    # Both are padded with blanks to one width, so they compare as numbers do.
    return int(durable) if durable.strip().isdigit() and durable <= line[_SEQ] else 0


def _names_same_file(inode: int, record: int) -> bool:
    try:
        return os.stat(HEAD_NAME, dir_fd=record, follow_symlinks=False).st_ino == inode
    except FileNotFoundError:
        return False


def wait_for_lock(descriptor: int, deadline: float) -> None:
    """flock(2) with a time limit: `deadline` is a time.monotonic(). Raises Busy after it.

    Polls: the timer signal belongs to the program that records, and a waiting thread costs more than the
    critical section. First yields the processor to a writer that may hold the lock, then sleeps for up to
    two milliseconds at a time.
    """
    for _ in range(_YIELDS_BEFORE_PAUSE):
        if try_lock(descriptor):
            return
        os.sched_yield()
    pause = 0.0001
    while True:
        if try_lock(descriptor):
            return
        if time.monotonic() >= deadline:
            raise Busy("another writer holds the lock and does not let go")
        time.sleep(pause)
        pause = min(pause * 2, 0.002)


def try_lock(descriptor: int) -> bool:
    """Take the flock(2) on an open file if it is free. Returns whether it was taken."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Release an flock(2), also where a forked child has the same open file."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def read_snapshot(record: int) -> Head | None:
    """The head as it is now, for a reader, without the lock; None if there is none or it is not a head."""
    for attempt in range(5):
        try:
            descriptor, _ = open_file(HEAD_NAME, record, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            head = decode(os.pread(descriptor, _SIZE, 0))
        finally:
            os.close(descriptor)
        if head is not None:
            return head
        time.sleep(0.001 * (attempt + 1))  # a writer may be half way through writing it
    return None
