"""Write entries to the end of a record whose lock is held: to segment, log and head, in this order."""

from __future__ import annotations

import errno
import os
import stat
import time

from qt_audit.record.entry import (
    MAX_BODY,
    MAX_BODY_ELSEWHERE,
    NEVER_CUT,
    Draft,
    chain_hash,
    line,
    log_line,
    now,
    parse,
    segment_name,
)
from qt_audit.record.head import Head, Lock, empty
from qt_audit.record.place import LOG_NAME, Place, open_file
from qt_audit.record.recovery import Note, Recovery, missing_log_lines
from qt_audit.record.reserve import with_room
from qt_audit.record.warning import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FINISHED_MODE = 0o440
"""Mode of a segment whose month is over."""
RECORD_SOURCE = "audit_record"
"""`source` of what the record says about itself."""
_MAX_RECOVERIES = 3


class Receipt:
    """What an acknowledged entry was given: it is on disk, at this place of the chain."""

    __slots__ = ("hash", "place", "seq", "ts")

    def __init__(self, seq: int, ts: str, hash: str, place: Place) -> None:
        self.seq = seq
        self.ts = ts
        self.hash = hash
        self.place = place


class Writer:
    """Writes a batch. `segment` stays open for the sync."""

    def __init__(self, place: Place, status: int, record: int, lock: Lock) -> None:
        self._place = place
        self._status = status
        self._record = record
        self._lock = lock
        self._room = MAX_BODY if place.is_home else MAX_BODY_ELSEWHERE
        self._head = empty()
        self._new_log_lines: list[str] = []
        self._finished = -1
        self._recoveries = 0
        self.segment = -1

    def write(self, drafts: Sequence[Draft], bodies: Sequence[str]) -> list[Receipt]:
        """Append each draft; on an error nothing of the one that failed is left behind.

        What came before it stays, behind the head: the next writer takes it in.
        """
        try:
            self._begin(drafts[0])
            receipts = [
                self._append(draft, body, drafts[0]) for draft, body in zip(drafts, bodies, strict=True)
            ]
            self._end()
        except BaseException:
            self._close()
            raise
        finally:
            self._close_finished()
        return receipts

    def seal(self, until: str) -> None:
        """Set the head's time forward to `until`."""
        try:
            host, user = os.uname().nodename, str(os.geteuid())
            self._begin(Draft("", RECORD_SOURCE, "info", host, user, os.getpid(), None, {}))
            if self._head.ts < until:
                self._head.ts = until
            self._end()
            self._lock.sync()
        finally:
            self._close()
            self._close_finished()

    def _begin(self, like: Draft) -> None:
        """Read the head. Where there is none, make one first: then a full disk can refuse no later head."""
        head = self._lock.read()
        if head is not None:
            self._head = head
            return
        recovery = Recovery(self._record, None, self._lock.is_new())
        if not recovery.head.seq and self._place.is_home:
            recovery.notes += self._log_without_record()
        self._lock.write(recovery.head)
        self._lock.sync()
        self._take(recovery, like)

    def _log_without_record(self) -> list[Note]:
        """A record that begins beside a log that has lines already: somebody removed the one before it."""
        try:
            log = os.stat(LOG_NAME, dir_fd=self._status, follow_symlinks=False)
        except OSError:
            return []
        if not log.st_size or not stat.S_ISREG(log.st_mode):
            return []
        text = f"Audit record: begins anew, though {LOG_NAME} has lines already"
        return [Note(text, "failed", {"log_bytes": log.st_size})]

    def _end(self) -> None:
        if self._new_log_lines and self._place.is_home:
            self._write_log()
        if self._finished >= 0:
            self._make_read_only()  # before the head moves on: who is killed in between is made up for
            self._lock.write(self._head)  # finishing it synced all there was
        else:
            self._lock.advance(self._head)

    def _append(self, draft: Draft, body: str, like: Draft) -> Receipt:
        ts, head = draft.ts or now(), self._head
        name = segment_name(max(ts, head.ts))
        if self.segment < 0 or name != head.segment:
            self._open_segment(name, ts, like)
            head = self._head
        if ts < head.ts:
            if draft.ts is None:
                body = draft.body({"clock_behind_s": _seconds_between(ts, head.ts)}, self._room)
            ts = head.ts
        data = line(head.seq + 1, ts, body, head.hash)
        self._write_all(data, head.offset)
        if head.durable == head.seq:  # nobody else's sync is under way that would take this line along
            start_writing(self.segment, head.offset, len(data))
        head.seq += 1
        head.hash = chain_hash(data)
        head.ts = ts
        head.offset += len(data)
        # A long action may have been cut: the log says what the record says.
        action = draft.action if len(draft.action) <= NEVER_CUT else parse(data).action
        self._new_log_lines.append(log_line(ts, action))
        return Receipt(head.seq, ts, head.hash, self._place)

    def _write_all(self, data: bytes, offset: int) -> None:
        try:
            written = os.write(self.segment, data)
            while written < len(data):  # a disk that fills up takes a part, and refuses the rest
                written += os.write(self.segment, data[written:])
        except OSError:
            os.ftruncate(self.segment, offset)
            raise

    def _open_segment(self, name: str, ts: str, like: Draft) -> None:
        """Open the segment for this time, after making head and segments agree and finishing the old one."""
        while not self._try_open(name):
            self._recover(like, name)
            name = segment_name(max(ts, self._head.ts))
            if self.segment >= 0 and self._head.segment == name:
                return  # a note of the recovery opened it

    def _try_open(self, name: str) -> bool:
        """Open the segment for appending; False if it is not as the head says."""
        head = self._head
        flags = os.O_WRONLY | os.O_APPEND
        known = head.segment == name
        try:
            if not known:
                if head.segment and not self._finish(head):
                    return False
                flags |= os.O_CREAT
            segment, status = open_file(name, self._record, flags, self._place.file_mode)
        except FileNotFoundError:
            return False
        except PermissionError:
            if not self._made_read_only(name):
                raise
            return False
        # Of an empty file a writer that died may have left the name, and not made it durable.
        if status.st_size != (head.offset if known else 0) or not status.st_mode & 0o200:
            os.close(segment)
            return False
        self._close()
        self.segment = segment
        if not known:
            os.fsync(self._record)
            head.segment, head.offset = name, 0
        return True

    def _finish(self, head: Head) -> bool:
        """Sync the segment whose month is over; False if it is not as the head says."""
        old, status = open_file(head.segment, self._record, os.O_RDONLY)
        try:
            if status.st_size != head.offset:
                return False
            os.fdatasync(old)
            self._finished, old = old, self._finished
        finally:
            if old >= 0:
                os.close(old)
        head.durable = head.seq
        return True

    def _made_read_only(self, name: str) -> bool:
        """Whether this segment was finished by a writer that the head does not know of."""
        try:
            status = os.stat(name, dir_fd=self._record, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return status.st_mode & 0o777 == FINISHED_MODE and status.st_uid == os.geteuid()

    def _make_read_only(self) -> None:
        try:
            os.fchmod(self._finished, FINISHED_MODE)
        except OSError as error:
            warn(f"{self._place.record_path}: a finished segment stays writable ({error.strerror})")

    def _recover(self, like: Draft, wanted: str) -> None:
        """Make the head agree with the segments, and record what was found out on the way."""
        self._close()
        self._recoveries += 1
        if self._recoveries > _MAX_RECOVERIES:
            raise OSError(errno.EBUSY, f"segment {wanted} changes while it is opened, or may not be written")
        self._take(Recovery(self._record, self._head, self._lock.is_new(), wanted), like)

    def _take(self, recovery: Recovery, like: Draft) -> None:
        self._head = recovery.head
        if recovery.adopted and self._place.is_home:
            self._restore_log(recovery)
        for note in recovery.notes:
            draft = Draft(
                note.action, RECORD_SOURCE, note.outcome, like.host, like.user, like.pid, None, note.details
            )
            self._append(draft, draft.body(None, self._room), like)

    def _restore_log(self, recovery: Recovery) -> None:
        try:
            log, _ = open_file(LOG_NAME, self._status, os.O_RDWR | os.O_CREAT, self._place.file_mode)
            try:
                missing = missing_log_lines(log, self._status, recovery.adopted)
            finally:
                os.close(log)
        except OSError as error:
            self._warn_of_log(error)
        else:
            self._new_log_lines += missing

    def _write_log(self) -> None:
        data = "".join([text + "\n" for text in self._new_log_lines]).encode("utf-8")
        try:
            with_room(self._place, lambda: self._append_to_log(data))
        except OSError as error:
            self._warn_of_log(error)

    def _append_to_log(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        log, status = open_file(LOG_NAME, self._status, flags, self._place.file_mode)
        try:
            written = os.write(log, data)
            if written < len(data):
                os.ftruncate(log, status.st_size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(log)

    def _warn_of_log(self, error: OSError) -> None:
        warn(
            f"{self._place.log_path}: cannot be written ({error.strerror}); the record has the entry,"
            " `audit_logger.py rebuild_log` mends the log"
        )

    def _close(self) -> None:
        if self.segment >= 0:
            os.close(self.segment)
            self.segment = -1

    def _close_finished(self) -> None:
        if self._finished >= 0:
            os.close(self._finished)
            self._finished = -1


def start_writing(descriptor: int, offset: int, size: int) -> None:
    """Have the disk begin with these bytes now, while log and head are written: the sync then waits less.

    On Linux this advice starts write-back of dirty pages at once and waits for none of it (mm/fadvise.c);
    pages that are dirty stay in the cache. Elsewhere, and where it fails, it changes nothing.
    """
    try:
        os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_DONTNEED)
    except OSError:
        return


def _seconds_between(earlier: str, later: str) -> float:
    """Seconds between two times as entries write them, to the microsecond."""
    from calendar import timegm  # needed only when the clock stepped back

    def seconds(ts: str) -> float:
        return timegm(time.strptime(ts[:19], "%Y-%m-%dT%H:%M:%S")) + int(ts[20:26]) / 1e6

    return round(seconds(later) - seconds(earlier), 6)
