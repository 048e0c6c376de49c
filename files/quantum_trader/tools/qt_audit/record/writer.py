"""Append entries to a record whose lock is held: to the segment, the log and the head, in this order."""

from __future__ import annotations

import errno
import os
import stat
import time

from qt_audit.record import segments
from qt_audit.record.entry import (
    MAX_BODY,
    MAX_FALLBACK_BODY,
    MAX_UNCUT_ACTION,
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
from qt_audit.record.recovery import Note, Recovery, cut_unacknowledged_lines, missing_log_lines
from qt_audit.record.reserve import retry_when_full
from qt_audit.record.reserved import RECORD_SOURCE
from qt_audit.record.warning import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FINISHED_MODE = 0o440
"""Mode of a segment whose month is over."""
_MAX_RECOVERIES = 3


class Receipt:
    """The number, time and hash of an acknowledged entry, and the place where it is durable."""

    __slots__ = ("hash", "place", "seq", "ts")

    def __init__(self, seq: int, ts: str, hash: str, place: Place) -> None:
        self.seq = seq
        self.ts = ts
        self.hash = hash
        self.place = place


class Writer:
    """Writes one batch of entries. Its `segment` stays open, for the sync."""

    def __init__(self, place: Place, status: int, record: int, lock: Lock) -> None:
        self._place = place
        self._status = status
        self._record = record
        self._lock = lock
        self._max_body = MAX_BODY if place.is_home else MAX_FALLBACK_BODY
        self._head = empty()
        self._new_log_lines: list[str] = []
        self._finished = -1
        self._recoveries = 0
        self.segment = -1

    def write(self, drafts: Sequence[Draft], bodies: Sequence[str]) -> list[Receipt]:
        """Append each draft. On an error nothing of the failed one is left in the segment.

        The entries before it stay there, after the head; the next writer moves the head over them.
        """
        try:
            self._read_head(drafts[0])
            receipts = [
                self._append(draft, body, drafts[0]) for draft, body in zip(drafts, bodies, strict=True)
            ]
            self._write_head()
        except BaseException:
            self._close()
            raise
        finally:
            self._close_finished()
        return receipts

    def seal(self, until: str) -> None:
        """Set the head's time forward to `until`: no later entry is earlier. Durable when this returns."""
        try:
            host, user = os.uname().nodename, str(os.geteuid())
            self._read_head(Draft("", RECORD_SOURCE, "info", host, user, os.getpid(), None, {}))
            if self._head.ts < until:
                self._head.ts = until
            self._write_head()
            self._lock.sync()
        finally:
            self._close()
            self._close_finished()

    def _read_head(self, identity: Draft) -> None:
        """Read the head; if there is none, write one first, so that a full disk cannot refuse it later."""
        head = self._lock.read()
        if head is not None:
            self._head = head
            return
        recovery = Recovery(self._record, None, self._lock.is_new())
        if not recovery.head.seq and self._place.is_home:
            recovery.notes += self._note_log_without_record()
        self._lock.write(recovery.head)
        self._lock.sync()
        self._apply_recovery(recovery, identity)

    def _note_log_without_record(self) -> list[Note]:
        """A note if a new record begins beside a log with lines: somebody removed the old record."""
        try:
            log = os.stat(LOG_NAME, dir_fd=self._status, follow_symlinks=False)
        except OSError:
            return []
        if not log.st_size or not stat.S_ISREG(log.st_mode):
            return []
        text = f"Audit record: begins anew, though {LOG_NAME} has lines already"
        return [Note(text, "failed", {"log_bytes": log.st_size})]

    def _write_head(self) -> None:
        if self._new_log_lines and self._place.is_home:
            self._write_log()
        if self._finished >= 0:
            self._make_read_only()  # before the head moves on: the next writer repeats it after a kill
            self._lock.write(self._head)  # _finish has synced all entries
        else:
            self._lock.advance(self._head)

    def _append(self, draft: Draft, body: str, identity: Draft) -> Receipt:
        ts, head = draft.ts or now(), self._head
        name = segment_name(max(ts, head.ts))
        if self.segment < 0 or name != head.segment:
            self._open_segment(name, ts, identity)
            head = self._head
        if ts < head.ts:
            if draft.ts is None:
                body = draft.body({"clock_behind_s": _seconds_between(ts, head.ts)}, self._max_body)
            ts = head.ts
        data = line(head.seq + 1, ts, body, head.hash)
        self._write_all(data, head.offset)
        if head.durable == head.seq:  # no other writer's sync is under way, which would include this line
            segments.start_write_back(self.segment, head.offset, len(data))
        head.seq += 1
        head.hash = chain_hash(data)
        head.ts = ts
        head.offset += len(data)
        # A long action may have been cut: the log must have the text of the record.
        action = draft.action if len(draft.action) <= MAX_UNCUT_ACTION else parse(data).action
        self._new_log_lines.append(log_line(ts, action))
        return Receipt(head.seq, ts, head.hash, self._place)

    def _write_all(self, data: bytes, offset: int) -> None:
        try:
            written = os.write(self.segment, data)
            while written < len(data):  # a full disk takes a part and refuses the rest
                written += os.write(self.segment, data[written:])
        except OSError:
            os.ftruncate(self.segment, offset)
            raise

    def _open_segment(self, name: str, ts: str, identity: Draft) -> None:
        """Open the segment for this time; finish the old one and make head and segments agree before."""
        while not self._try_open(name):
            self._recover(identity, name)
            name = segment_name(max(ts, self._head.ts))
            if self.segment >= 0 and self._head.segment == name:
                return  # writing a note of the recovery opened it

    def _try_open(self, name: str) -> bool:
        """Open the segment for appending. Returns False if it is not as the head says."""
        head = self._head
        flags = os.O_WRONLY | os.O_APPEND
        is_current = head.segment == name
        try:
            if not is_current:
                if head.segment and not self._finish(head):
                    return False
                flags |= os.O_CREAT
            segment, status = open_file(name, self._record, flags, self._place.file_mode)
        except FileNotFoundError:
            return False
        except PermissionError:
            if not self._is_finished(name):
                raise
            return False
        # A writer that died may have left an empty file whose name is not durable.
        if status.st_size != (head.offset if is_current else 0) or not status.st_mode & 0o200:
            os.close(segment)
            return False
        self._close()
        self.segment = segment
        if not is_current:
            os.fsync(self._record)
            head.segment, head.offset = name, 0
        return True

    def _finish(self, head: Head) -> bool:
        """Sync the segment whose month is over. Returns False if it is not as the head says."""
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

    def _is_finished(self, name: str) -> bool:
        """Whether another writer finished this segment and the head does not say so."""
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

    def _recover(self, identity: Draft, next_segment: str) -> None:
        """Make the head agree with the segments, and record what was found."""
        self._close()
        self._recoveries += 1
        if self._recoveries > _MAX_RECOVERIES:
            raise OSError(
                errno.EBUSY, f"segment {next_segment} changes while it is opened, or may not be written"
            )
        self._apply_recovery(Recovery(self._record, self._head, self._lock.is_new(), next_segment), identity)

    def _apply_recovery(self, recovery: Recovery, identity: Draft) -> None:
        self._head = recovery.head
        if recovery.unacknowledged and self._place.is_home:
            self._cut_log(recovery.unacknowledged)
        if recovery.adopted and self._place.is_home:
            self._restore_log(recovery)
        for note in recovery.notes:
            draft = Draft(
                note.action,
                RECORD_SOURCE,
                note.outcome,
                identity.host,
                identity.user,
                identity.pid,
                None,
                note.details,
            )
            self._append(draft, draft.body(None, self._max_body), identity)

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

    def _cut_log(self, count: int) -> None:
        """The log must not tell of entries that a power failure took before they were durable."""
        names = segments.names(self._record)
        found = (segments.last_line(name, self._record) for name in reversed(names))
        last = next((one for one in found if one is not None), None)
        try:
            log, _ = open_file(LOG_NAME, self._status, os.O_RDWR)
        except OSError:
            return  # there is none
        try:
            cut_unacknowledged_lines(log, count, last.entry.ts if last is not None else "")
        except OSError as error:
            self._warn_of_log(error)
        finally:
            os.close(log)

    def _write_log(self) -> None:
        data = "".join([text + "\n" for text in self._new_log_lines]).encode("utf-8")
        try:
            retry_when_full(self._place, lambda: self._append_to_log(data))
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


def _seconds_between(earlier: str, later: str) -> float:
    """Seconds from one time to another, both as entries write them."""
    from calendar import timegm  # needed only when the clock stepped back

    def seconds(ts: str) -> float:
        return timegm(time.strptime(ts[:19], "%Y-%m-%dT%H:%M:%S")) + int(ts[20:26]) / 1e6

    return round(seconds(later) - seconds(earlier), 6)
