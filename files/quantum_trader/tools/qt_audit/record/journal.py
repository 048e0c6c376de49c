"""Append to the record: one writer at a time, durable before it is acknowledged.

The sync comes after the lock is let go; one writer at a time syncs, for all that wrote
before it began, and tells the others by the head's `durable`.
"""

from __future__ import annotations

import os
import time
from _thread import get_ident

from qt_audit.record.entry import MAX_BODY, MAX_BODY_ELSEWHERE, Draft, segment_name
from qt_audit.record.head import Lock, locked_at_once, unlock
from qt_audit.record.place import Place
from qt_audit.record.reserve import with_room
from qt_audit.record.writer import FINISHED_MODE as FINISHED_MODE  # others take it from here
from qt_audit.record.writer import Receipt, Writer
from qt_audit.record.writer_lock import Turn, syncing
from qt_audit.settings.loading import SHORTEST_WAIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def append(place: Place, drafts: Sequence[Draft], timeout: float) -> list[Receipt]:
    """Write entries to the end of the record, in order, and to the log for people.

    When this returns, all of them are durable (fdatasync), and so is the name of their segment.
    Raises OSError (Busy after `timeout` seconds of waiting for the lock) if they could not be
    made so; then none of them is acknowledged. A log that cannot be written is a warning: it
    is a view, and `rebuild_log` mends it.
    """
    return with_room(place, lambda: _append(place, drafts, timeout))


def _append(place: Place, drafts: Sequence[Draft], timeout: float) -> list[Receipt]:
    room = MAX_BODY if place.is_home else MAX_BODY_ELSEWHERE
    bodies = [draft.body(None, room) for draft in drafts]
    deadline = time.monotonic() + timeout
    with Turn(place.path, deadline):
        status, record = place.open()
        try:
            lock = Lock(record, place.file_mode, deadline)
            try:
                writer = Writer(place, status, record, lock)
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
    waited for longer than until `deadline`: then we sync beside it, and it finds that when it wakes up.
    """
    me, pause, waited = get_ident(), 0.0003, False
    while not (ours := locked_at_once(segment)):
        waited = True
        if lock.durable() >= last.seq:
            return
        if me in syncing or time.monotonic() >= deadline:
            break  # never wait for ourselves: this may be a signal handler that interrupted a sync of ours
        time.sleep(pause)
        pause = min(pause * 1.5, 0.002)
    nested = me in syncing
    syncing.add(me)
    try:
        reached = last.seq
        if waited:  # then others wait too, and one sync shall serve them all
            durable, written = lock.progress(segment_name(last.ts))
            reached = max(reached, written)
        else:
            durable = lock.durable()
        if durable >= last.seq:
            return
        before = time.monotonic()
        os.fdatasync(segment)
        lock.mark_durable(reached, alone=ours and time.monotonic() - before < SHORTEST_WAIT)
    finally:
        if ours:
            unlock(segment)  # closing is not enough: a child that was forked meanwhile has it open too
        if not nested:
            syncing.discard(me)


def seal(place: Place, until: str, timeout: float) -> None:
    """Promise that no later entry is earlier than `until`, whatever the clock does.

    Who summarises a period seals it first: nothing can be added to it afterwards. Durable. Raises OSError.
    """
    deadline = time.monotonic() + timeout
    with Turn(place.path, deadline):
        status, record = place.open()
        try:
            lock = Lock(record, place.file_mode, deadline)
            try:
                Writer(place, status, record, lock).seal(until)
            finally:
                lock.release()
        finally:
            os.close(record)
            os.close(status)
