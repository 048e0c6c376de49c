"""Append entries to a record whose lock is held: to the segment, the log and the head, in this order."""

from __future__ import annotations

import errno
import os
import stat

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
    segment_name,
)
from qt_audit.record.head import Head, Lock, empty
from qt_audit.record.log_lines import LogLines
from qt_audit.record.parsing import parse
from qt_audit.record.place import LOG_NAME, Place, open_file
from qt_audit.record.recovery import Note, Recovery
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
        self._log = LogLines(place, status)
        self._finished = -1
        self._recoveries = 0
        self._goes_back = False
        """Whether the entries about the clock's return are being written."""
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

    @property
    def segment_name(self) -> str:
        """The name of the segment that was written to last."""
        return self._head.segment

    def seal(self, until: str) -> None:
        """Set the head's time forward to `until`: no later entry is earlier. Durable when this returns.

        A clock that turns out to be more than five minutes before `until` was ahead, and takes it back.
        """
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
        if self._log and self._place.is_home:
            self._log.write()
        if self._finished >= 0:
            self._make_read_only()  # before the head moves on: the next writer repeats it after a kill
            self._lock.write(self._head)  # _finish has synced all entries
        else:
            self._lock.advance(self._head)

    def _append(self, draft: Draft, body: str, identity: Draft) -> Receipt:
        ts, head = draft.ts or now(), self._head
        if ts < head.ts and draft.ts is None and not self._goes_back:
            ts = self._go_back_with_clock(ts, identity)
            head = self._head
        if self.segment < 0 or head.segment[:7] != max(ts, head.ts)[:7]:
            self._open_segment(ts, identity)
            if ts < self._head.ts and draft.ts is None and not self._goes_back:  # a recovery found later ones
                ts = self._go_back_with_clock(ts, identity)
                if self.segment < 0:
                    self._open_segment(ts, identity)
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
        self._log.append(log_line(ts, action))
        return Receipt(head.seq, ts, head.hash, self._place)

    def _write_all(self, data: bytes, offset: int) -> None:
        try:
            written = os.write(self.segment, data)
            while written < len(data):  # a full disk takes a part and refuses the rest
                written += os.write(self.segment, data[written:])
        except OSError:
            os.ftruncate(self.segment, offset)
            raise

    def _go_back_with_clock(self, present: str, identity: Draft) -> str:
        """Where the clock is more than five minutes behind the head, go on by its time. The present time.

        The month then goes on in a new segment, which begins with the entries about the leap and the return.
        """
        from qt_audit.record import clock  # needed only when the clock stepped back

        if clock.seconds_between(present, self._head.ts) <= clock.MAX_STEP_BACK_S:
            return present
        self._close()
        recovery = Recovery(self._record, self._head, self._lock.is_new())  # a killed writer may have done it
        head = recovery.head
        self._goes_back = True
        try:
            if clock.seconds_between(present, head.ts) > clock.MAX_STEP_BACK_S:
                back = clock.Return(self._record, head.ts, present)
                head.ts = back.last_ts
                recovery.notes[:0] = back.notes
                if back.new_segment:
                    self._head = head
                    self._begin_numbered_segment(present)
            self._apply_recovery(recovery, identity)
        finally:
            self._goes_back = False
        return now()

    def _begin_numbered_segment(self, present: str) -> None:
        """Open a new segment of the month, and close the one before it to writers whose clock is ahead."""
        head = self._head
        for _ in range(_MAX_RECOVERIES):
            name = segments.free_name(present[:7], self._record, 2)
            if self._try_open(name):
                head.ts = present
                if self._finished >= 0:
                    self._make_read_only()
                return
        raise OSError(errno.EBUSY, f"no new segment of {present[:7]} can be opened")

    def _open_segment(self, ts: str, identity: Draft) -> None:
        """Open the segment for this time; finish the old one and make head and segments agree before."""
        month = max(ts, self._head.ts)[:7]
        name = self._head.segment if self._head.segment[:7] == month else segment_name(month)
        while not self._try_open(name):
            self._recover(identity, name)
            month = max(ts, self._head.ts)[:7]
            if self._head.segment[:7] != month or self._has_finished_mode(self._head.segment):
                name = segments.free_name(month, self._record, 1)
            elif self.segment >= 0:
                return  # writing a note of the recovery opened it
            else:
                name = self._head.segment

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
        return self._has_finished_mode(name, os.geteuid())

    def _has_finished_mode(self, name: str, owner: int | None = None) -> bool:
        """Whether the segment has the mode of a finished one, and this owner if one is given."""
        try:
            status = os.stat(name, dir_fd=self._record, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return status.st_mode & 0o777 == FINISHED_MODE and owner in (None, status.st_uid)

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
            self._log.cut(recovery.unacknowledged, self._record)
        if recovery.adopted and self._place.is_home:
            self._log.add_missing(recovery.adopted)
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

    def _close(self) -> None:
        if self.segment >= 0:
            os.close(self.segment)
            self.segment = -1

    def _close_finished(self) -> None:
        if self._finished >= 0:
            os.close(self._finished)
            self._finished = -1


def _seconds_between(earlier: str, later: str) -> float:
    from qt_audit.record import clock  # needed only when the clock stepped back

    return clock.seconds_between(earlier, later)
