"""Append to the record: lock, chain, durability, the turn of a month.

Under the lock: read the head, write the line, write the log that people read, write the
head. The sync comes after the lock is let go; one writer at a time syncs, for all that
wrote before it began, and tells the others by the head's `durable`.
"""

from __future__ import annotations

import errno
import os
import time
from _thread import RLock

from qt_audit.entry import Draft, chain_hash, line, log_line, now, segment_name
from qt_audit.head import Busy, Head, Lock, empty, locked_at_once
from qt_audit.notice import warn
from qt_audit.place import LOG_NAME, Place, open_file
from qt_audit.recovery import Recovery, missing_log_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

FINISHED_MODE = 0o440
"""Mode of a segment whose month is over."""
RECORD_SOURCE = "audit_record"
"""`source` of what the record says about itself."""


class Receipt:
    """What an acknowledged entry was given: it is on disk, at this place of the chain."""

    __slots__ = ("hash", "place", "seq", "ts")

    def __init__(self, seq: int, ts: str, hash: str, place: Place) -> None:
        self.seq = seq
        self.ts = ts
        self.hash = hash
        self.place = place


def append(place: Place, drafts: Sequence[Draft], timeout: float) -> list[Receipt]:
    """Write entries to the end of the record, in order, and to the log for people.

    When this returns, all of them are durable (fdatasync), and so is the name of their segment.
    Raises OSError (Busy after `timeout` seconds of waiting for the lock) if they could not be
    made so; then none of them is acknowledged. A log that cannot be written is a warning: it
    is a view, and `rebuild_log` mends it.
    """
    bodies = [draft.body() for draft in drafts]
    deadline = time.monotonic() + timeout
    with _Turn(place.path, deadline):
        status, record = place.open()
        try:
            lock = Lock(record, place.file_mode, deadline)
            try:
                writer = _Writer(place, status, record, lock)
                receipts = writer.write(drafts, bodies)
                lock.unlock()
            except BaseException:
                lock.release()
                raise
        finally:
            os.close(record)
            os.close(status)
    try:
        _make_durable(writer.segment, lock, receipts[-1], time.monotonic() + timeout)
    finally:
        os.close(writer.segment)
        lock.release()
    return receipts


def _make_durable(segment: int, lock: Lock, last: Receipt, deadline: float) -> None:
    """Return when `last` and all before it are on disk: synced by us, or by another writer meanwhile.

    The right to sync is an flock(2) on the segment. A writer that hangs while it has it is not
    waited for longer than until `deadline`: then we sync beside it.
    """
    pause = 0.0003
    while not locked_at_once(segment):
        if lock.durable() >= last.seq:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(pause)
        pause = min(pause * 1.5, 0.002)
    head, upto = lock.read(), last.seq
    if head is not None:
        if head.durable >= last.seq:
            return
        if head.segment == segment_name(last.ts):
            upto = max(upto, head.seq)
    os.fdatasync(segment)
    try:
        lock.mark_durable(upto, deadline)
    except Busy:
        pass  # the entry is durable; only the witness lags behind


def seal(place: Place, until: str, timeout: float) -> None:
    """Promise that no later entry is earlier than `until`, whatever the clock does.

    Who summarises a period seals it first: nothing can be added to it afterwards. Raises OSError.
    """
    deadline = time.monotonic() + timeout
    with _Turn(place.path, deadline):
        status, record = place.open()
        try:
            lock = Lock(record, place.file_mode, deadline)
            try:
                head = lock.read()
                if head is None:
                    head = Recovery(record, None, lock.is_new()).head
                if head.ts < until:
                    head.ts = until
                    lock.write(head)
            finally:
                lock.release()
        finally:
            os.close(record)
            os.close(status)


class _Writer:
    """Writes a batch under the lock. `segment` stays open for the sync."""

    def __init__(self, place: Place, status: int, record: int, lock: Lock) -> None:
        self._place = place
        self._status = status
        self._record = record
        self._lock = lock
        self._head = empty()
        self._new_log_lines: list[str] = []
        self._finished = ""
        self.segment = -1

    def write(self, drafts: Sequence[Draft], bodies: Sequence[str]) -> list[Receipt]:
        """Append each draft; on an error nothing of the one that failed is left behind."""
        head = self._lock.read()
        if head is None:
            self._recover(None, drafts[0])
        else:
            self._head = head
        receipts = []
        try:
            for draft, body in zip(drafts, bodies):
                receipts.append(self._append(draft, body, drafts[0]))
        except BaseException:
            self._close()
            if receipts:
                self._lock.write(self._head)
            raise
        if self._place.is_home:
            self._write_log()
        self._lock.write(self._head)
        if self._finished:
            self._make_read_only()
        return receipts

    def _append(self, draft: Draft, body: str, like: Draft) -> Receipt:
        ts, head = draft.ts or now(), self._head
        if ts < head.ts:
            if draft.ts is None:
                body = draft.body({"clock_behind_s": _seconds_between(ts, head.ts)})
            ts = head.ts
        if self.segment < 0 or segment_name(ts) != head.segment:
            self._open_segment(ts, like)
            head = self._head
            ts = max(ts, head.ts)
        data = line(head.seq + 1, ts, body, head.hash)
        self._write_all(data, head.offset)
        head.seq += 1
        head.hash = chain_hash(data)
        head.ts = ts
        head.offset += len(data)
        self._new_log_lines.append(log_line(ts, draft.action))
        return Receipt(head.seq, ts, head.hash, self._place)

    def _write_all(self, data: bytes, offset: int) -> None:
        try:
            written = os.write(self.segment, data)
            while written < len(data):  # a disk that fills up takes a part, and refuses the rest
                written += os.write(self.segment, data[written:])
        except OSError:
            os.ftruncate(self.segment, offset)
            raise

    def _open_segment(self, ts: str, like: Draft) -> None:
        """Open the segment for this time, after making head and segments agree and finishing the old one."""
        for _attempt in range(3):
            if self._try_open(segment_name(max(ts, self._head.ts))):
                return
            self._recover(self._head, like)
        raise OSError(f"{self._place.record_path}: segment {segment_name(ts)} changes while it is opened")

    def _try_open(self, name: str) -> bool:
        """Open the segment for appending; False if it is not as the head says."""
        head = self._head
        try:
            if head.segment == name:
                segment, status = open_file(name, self._record, os.O_WRONLY | os.O_APPEND)
                if status.st_size != head.offset:
                    os.close(segment)
                    return False
            else:
                if head.segment and not self._finish(head):
                    return False
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
                segment, _ = open_file(name, self._record, flags, self._place.file_mode)
                self._finished, head.segment, head.offset = head.segment, name, 0
        except (FileNotFoundError, FileExistsError):
            return False
        except PermissionError:
            if self._lock.is_new() or not self._made_read_only(name):
                raise
            return False
        self._close()
        self.segment = segment
        return True

    def _finish(self, head: Head) -> bool:
        """Sync the segment whose month is over; False if it is not as the head says."""
        old, status = open_file(head.segment, self._record, os.O_RDONLY)
        try:
            if status.st_size != head.offset:
                return False
            os.fdatasync(old)
        finally:
            os.close(old)
        head.durable = head.seq
        return True

    def _made_read_only(self, name: str) -> bool:
        """Whether this segment was finished by a writer that the head does not know of."""
        status = os.stat(name, dir_fd=self._record, follow_symlinks=False)
        return status.st_mode & 0o777 == FINISHED_MODE and status.st_uid == os.geteuid()

    def _make_read_only(self) -> None:
        try:
            os.chmod(self._finished, FINISHED_MODE, dir_fd=self._record)
        except OSError as error:
            warn(f"{self._place.record_path}/{self._finished}: cannot be made read-only ({error.strerror})")

    def _recover(self, head: Head | None, like: Draft) -> None:
        """Make the head agree with the segments, and record what was found out on the way."""
        self._close()
        recovery = Recovery(self._record, head, self._lock.is_new())
        self._head = recovery.head
        if recovery.adopted and self._place.is_home:
            self._restore_log(recovery)
        for note in recovery.notes:
            draft = Draft(
                note.action, RECORD_SOURCE, note.outcome, like.host, like.user, like.pid, None, note.details
            )
            self._append(draft, draft.body(), like)

    def _restore_log(self, recovery: Recovery) -> None:
        try:
            log, _ = open_file(LOG_NAME, self._status, os.O_RDWR | os.O_CREAT, self._place.file_mode)
            try:
                missing = missing_log_lines(log, recovery.adopted)
            finally:
                os.close(log)
        except OSError as error:
            self._warn_of_log(error)
        else:
            self._new_log_lines += [log_line(ts, action) for ts, action in missing]

    def _write_log(self) -> None:
        data = "".join([text + "\n" for text in self._new_log_lines]).encode("utf-8")
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            log, status = open_file(LOG_NAME, self._status, flags, self._place.file_mode)
            try:
                written = os.write(log, data)
                if written < len(data):
                    os.ftruncate(log, status.st_size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(log)
        except OSError as error:
            self._warn_of_log(error)

    def _warn_of_log(self, error: OSError) -> None:
        warn(
            f"{self._place.log_path}: cannot be written ({error.strerror}); the record has the entry,"
            " `audit_logger.py rebuild_log` mends the log"
        )

    def _close(self) -> None:
        if self.segment >= 0:
            os.close(self.segment)
            self.segment = -1


def _seconds_between(earlier: str, later: str) -> float:
    """Seconds between two times as entries write them, to the microsecond."""
    from calendar import timegm  # needed only when the clock stepped back

    def seconds(ts: str) -> float:
        return timegm(time.strptime(ts[:19], "%Y-%m-%dT%H:%M:%S")) + int(ts[20:26]) / 1e6

    return round(seconds(later) - seconds(earlier), 6)


_gate = RLock()
_in_use: set[str] = set()
os.register_at_fork(before=_gate.acquire, after_in_parent=_gate.release, after_in_child=_gate.release)


class _Turn:
    """One thread of this process at a time, and no fork while a lock of ours is held.

    A signal handler that records something may interrupt an append of the same thread: it
    gets Busy for the same place at once, and its entry goes to the next place.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str, deadline: float) -> None:
        if not _gate.acquire(True, max(0.0, deadline - time.monotonic())):
            raise Busy("another thread holds the lock and does not let go")
        if path in _in_use:
            _gate.release()
            raise Busy("this thread is writing an entry already")
        self._path = path

    def __enter__(self) -> None:
        _in_use.add(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _in_use.discard(self._path)
        _gate.release()
