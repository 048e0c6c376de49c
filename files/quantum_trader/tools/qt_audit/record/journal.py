"""Append to the record: one writer at a time, durable before it is acknowledged.

The sync comes after the lock is released. One writer at a time syncs, for all that wrote before its sync
began, and tells the others by the head's `durable`.
"""

from __future__ import annotations

import os
import time
from _thread import get_ident

from qt_audit.record.entry import MAX_BODY, MAX_FALLBACK_BODY, Draft
from qt_audit.record.head import Lock, try_lock, unlock
from qt_audit.record.place import Place
from qt_audit.record.reserve import retry_when_full
from qt_audit.record.writer import Receipt, Writer
from qt_audit.record.writer_lock import ThreadLock, syncing_threads
from qt_audit.settings.table import SHORTEST_WAIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")


def append(place: Place, drafts: Sequence[Draft], timeout: float) -> list[Receipt]:
    """Write entries to the end of the record, in order, and to the log for people.

    When this returns, all of them are durable (fdatasync), and so is the name of their segment. Raises
    OSError if they cannot be made durable (Busy if the lock is not free within `timeout` seconds); then none
    of them is acknowledged. A log that cannot be written is a warning: `rebuild_log` writes it anew from the
    record.
    """
    return retry_when_full(place, lambda: _append(place, drafts, timeout))


def _append(place: Place, drafts: Sequence[Draft], timeout: float) -> list[Receipt]:
    max_body = MAX_BODY if place.is_home else MAX_FALLBACK_BODY
    bodies = [draft.body(None, max_body) for draft in drafts]

    def write(writer: Writer) -> tuple[list[Receipt], int, str]:
        return writer.write(drafts, bodies), writer.segment, writer.segment_name

    (receipts, segment, name), lock = _locked(place, time.monotonic() + timeout, write)
    try:
        _make_durable(segment, name, lock, receipts[-1], time.monotonic() + timeout)
    finally:
        os.close(segment)
        lock.release()
    return receipts


def _locked(place: Place, deadline: float, work: Callable[[Writer], T]) -> tuple[T, Lock]:
    """Do the work with a writer that holds the record's lock. Returns its result, and the lock, unlocked.

    The lock's file is still open, for Lock.mark_durable: the caller releases it. `deadline` is a
    time.monotonic(). Raises Busy after it, OSError.
    """
    with ThreadLock(place.path, deadline):
        status, record = place.open()
        try:
            lock = Lock(record, place.file_mode, deadline)
            try:
                result = work(Writer(place, status, record, lock))
                lock.unlock()
            except BaseException:
                lock.release()
                raise
        finally:
            os.close(record)
            os.close(status)
    return result, lock


def _make_durable(segment: int, name: str, lock: Lock, last: Receipt, deadline: float) -> None:
    """Return when `last` and all before it are on disk: synced by us, or by another writer meanwhile.

    The right to sync is an flock(2) on the segment. If a writer hangs while it holds that lock, we wait
    until `deadline` and then sync as well; the other writer finds that done when it goes on.
    """
    this_thread, pause, waited = get_ident(), 0.0003, False
    while not (has_sync_lock := try_lock(segment)):
        waited = True
        if lock.durable() >= last.seq:
            return
        if this_thread in syncing_threads or time.monotonic() >= deadline:
            break  # do not wait for this thread: a signal handler may have interrupted its own sync
        time.sleep(pause)
        pause = min(pause * 1.5, 0.002)
    nested = this_thread in syncing_threads
    syncing_threads.add(this_thread)
    try:
        synced_seq = last.seq
        if waited:  # others wait too; one sync serves them all
            durable, written = lock.progress(name)
            synced_seq = max(synced_seq, written)
        else:
            durable = lock.durable()
        if durable >= last.seq:
            return
        before = time.monotonic()
        os.fdatasync(segment)
        lock.mark_durable(synced_seq, sole_writer=has_sync_lock and time.monotonic() - before < SHORTEST_WAIT)
    finally:
        if has_sync_lock:
            unlock(segment)  # closing is not enough: a child that was forked meanwhile has the file open, too
        if not nested:
            syncing_threads.discard(this_thread)


def seal(place: Place, until: str, timeout: float) -> None:
    """Promise that no later entry is earlier than `until` if the clock steps back by up to five minutes.

    A period is sealed before it is summarised. Only a clock that was wrong takes this back, and an entry
    then says so. Durable when this returns. Raises OSError.
    """
    _, lock = _locked(place, time.monotonic() + timeout, lambda writer: writer.seal(until))
    lock.release()
