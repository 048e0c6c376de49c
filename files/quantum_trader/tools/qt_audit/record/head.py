"""The head: the last entry's number and hash, kept in `record/head`, which is the record's lock too.

A cache for writers and a witness against a cut tail. One JSON line of fixed width, so that
it is replaced by one write. `durable` is the last `seq` that is known to be synced: only
what lies at or before it was ever acknowledged, so that a power cut that takes unsynced
lines raises no alarm, and a lost acknowledged one does.
"""

from __future__ import annotations

import fcntl
import os
import re
import time

from qt_audit.record.entry import GENESIS
from qt_audit.record.place import open_file

NAME = "head"
_FORMAT = '{{"durable":{:20d},"seq":{:20d},"hash":"{}","ts":"{}","segment":"{}","offset":{:20d}}}\n'
_DURABLE = slice(11, 31)
_SEQ = slice(38, 58)
_SEGMENT = slice(179, 192)
_SIZE = 512
_YIELDS = 20
_PATTERN = re.compile(
    r'\{"durable": *(\d+),"seq": *(\d+),"hash":"([0-9a-f]{64})","ts":"([0-9TZ:.-]{27})?",'
    r'"segment":"(\d{4}-\d\d\.jsonl)?","offset": *(\d+)\}\n'
)


class Head:
    """Where the record ends."""

    __slots__ = ("durable", "hash", "offset", "segment", "seq", "ts")

    def __init__(self, seq: int, hash: str, ts: str, segment: str, offset: int, durable: int) -> None:
        self.seq = seq
        self.hash = hash
        self.ts = ts
        """No later entry is earlier: the last entry's time, or the end of a period that was summarised."""
        self.segment = segment
        self.offset = offset
        """Bytes of the segment up to the end of the last entry."""
        self.durable = durable

    def encoded(self) -> bytes:
        """The line that the head file holds."""
        return _FORMAT.format(self.durable, self.seq, self.hash, self.ts, self.segment, self.offset).encode(
            "ascii"
        )

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
    """The record's lock was not to be had in time: another writer hangs while it holds it."""


class Lock:
    """The exclusive lock on a record, held on its head file; ends with `release` or with the process."""

    __slots__ = ("_descriptor",)

    def __init__(self, record: int, mode: int, deadline: float) -> None:
        """Take the lock. `deadline` is a time.monotonic().

        Raises Busy after it, OSError if the file cannot be used.
        """
        while True:
            self._descriptor, opened = open_file(NAME, record, os.O_RDWR | os.O_CREAT, mode)
            try:
                if not locked_at_once(self._descriptor):
                    wait_for_lock(self._descriptor, deadline)
                if _is_still(opened.st_ino, record):
                    return
            except BaseException:
                os.close(self._descriptor)
                raise
            os.close(self._descriptor)  # somebody removed or renamed the file while we waited for it

    def read(self) -> Head | None:
        """The head; None if the file is empty or torn."""
        return decode(os.pread(self._descriptor, _SIZE, 0))

    def is_new(self) -> bool:
        """Whether no head was ever written to this file."""
        return os.fstat(self._descriptor).st_size == 0

    def write(self, head: Head) -> None:
        """Replace the head. Takes no space that the file does not have already, once one was written."""
        os.pwrite(self._descriptor, head.encoded(), 0)

    def advance(self, head: Head) -> None:
        """Replace all but `durable`, which belongs to whoever syncs and may be written meanwhile."""
        os.pwrite(self._descriptor, head.encoded()[_DURABLE.stop :], _DURABLE.stop)

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def unlock(self) -> None:
        """Let the next writer in; `mark_durable` may still follow."""
        unlock(self._descriptor)

    def mark_durable(self, seq: int, alone: bool = False) -> None:
        """Note that all entries up to `seq` are synced, unless more are known to be.

        Needs no lock: writers leave this field alone (`advance`). `alone`: it was so quick that nobody
        else can have gone on and noted more.
        """
        if alone or self.durable() < seq:
            os.pwrite(self._descriptor, b"%20d" % seq, _DURABLE.start)

    def durable(self) -> int:
        """The last `seq` that is known to be synced, read without the lock; 0 where it cannot be told."""
        return _durable_of(os.pread(self._descriptor, _SEQ.stop, 0))

    def progress(self, segment: str) -> tuple[int, int]:
        """(`durable`, `seq`), read without the lock; `seq` is 0 where the head is not in this segment.

        Two readings must agree on `seq`: one may fall into the middle of a write.
        """
        first, second = os.pread(self._descriptor, _SIZE, 0), os.pread(self._descriptor, _SIZE, 0)
        seq, name = first[_SEQ], first[_SEGMENT]
        if name != segment.encode("ascii") or second[_SEQ] != seq:
            return self.durable(), 0
        return _durable_of(second), int(seq)

    def release(self) -> None:
        """Let the lock go, if it is still held, and close the file."""
        os.close(self._descriptor)


def _durable_of(line: bytes) -> int:
    """What a head says is synced; 0 for more than was ever written, which would keep all from syncing."""
    durable = line[_DURABLE]
    # Of one width and padded with blanks, the two compare as numbers do.
    return int(durable) if durable.strip().isdigit() and durable <= line[_SEQ] else 0


def _is_still(inode: int, record: int) -> bool:
    try:
        return os.stat(NAME, dir_fd=record, follow_symlinks=False).st_ino == inode
    except FileNotFoundError:
        return False


def wait_for_lock(descriptor: int, deadline: float) -> None:
    """flock(2) with a time limit: `deadline` is a time.monotonic(). Raises Busy after it.

    Polls: a timer signal would belong to the program that we are a guest in, and a waiting thread
    costs more than the critical section. First gives way to whoever may hold the lock on this
    processor, then pauses, for up to two milliseconds.
    """
    for _ in range(_YIELDS):
        if locked_at_once(descriptor):
            return
        os.sched_yield()
    pause = 0.0001
    while True:
        if locked_at_once(descriptor):
            return
        if time.monotonic() >= deadline:
            raise Busy("another writer holds the lock and does not let go")
        time.sleep(pause)
        pause = min(pause * 2, 0.002)


def locked_at_once(descriptor: int) -> bool:
    """Take the flock(2) on an open file if nobody else has it; whether that was so."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Let an flock(2) go, also where a forked child has the same open file."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def read_snapshot(record: int) -> Head | None:
    """The head as it is now, for a reader, without the lock; None if there is none or it is not a head."""
    for attempt in range(5):
        try:
            descriptor, _ = open_file(NAME, record, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            head = decode(os.pread(descriptor, _SIZE, 0))
        finally:
            os.close(descriptor)
        if head is not None:
            return head
        time.sleep(0.001 * (attempt + 1))  # a writer may be half way through it
    return None
