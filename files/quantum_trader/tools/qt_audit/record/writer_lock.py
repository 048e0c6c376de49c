"""One thread of a process appends at a time, uninterrupted by signals, and not while the process forks."""

from __future__ import annotations

import os
import time
from _thread import RLock, get_ident

from qt_audit.record.head import Busy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals
    from types import TracebackType
else:  # importing `signal` takes a millisecond longer: it makes enumerations
    from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals

# Neither the signals that a fault raises nor those that cannot be blocked.
_SIGNALS = tuple({int(number) for number in valid_signals() if number < 32} - {4, 5, 6, 7, 8, 9, 11, 19, 31})
_thread_lock = RLock()
_places_in_use: set[str] = set()
syncing_threads: set[int] = set()
"""Threads of this process that hold the right to sync."""


def _reset_in_child() -> None:
    _places_in_use.clear()  # only the thread that forked lives on
    syncing_threads.intersection_update((get_ident(),))
    _thread_lock.release()


os.register_at_fork(
    before=_thread_lock.acquire, after_in_parent=_thread_lock.release, after_in_child=_reset_in_child
)


class SignalsBlocked:
    """Block signals while an entry is written, so that no handler interrupts it. No signal is lost.

    Signals wait for a few milliseconds; where another writer hangs, for at most twice QT_LOCK_TIMEOUT. In a
    program with several threads, another thread may take a signal and its handler still runs: see ThreadLock.
    """

    __slots__ = ("_mask_before",)

    def __enter__(self) -> None:
        self._mask_before = pthread_sigmask(SIG_BLOCK, ())
        try:
            pthread_sigmask(SIG_BLOCK, _SIGNALS)
        except BaseException:  # a handler that was due raised: Python runs it after the mask is set
            pthread_sigmask(SIG_SETMASK, self._mask_before)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pthread_sigmask(SIG_SETMASK, self._mask_before)


class PlaceInUse:
    """Mark a place as in use by this process: another append to it raises Busy at once."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        _places_in_use.add(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _places_in_use.discard(self._path)


class ThreadLock(PlaceInUse):
    """Let one thread of this process append at a time, and no fork happen while it holds a lock.

    A signal handler that records something may interrupt an append of the same thread. The handler gets
    Busy for the same place at once, and its entry goes to the next place.
    """

    __slots__ = ()

    def __init__(self, path: str, deadline: float) -> None:
        """`deadline` is a time.monotonic(). Raises Busy after it, or if this process writes there already."""
        if not _thread_lock.acquire(False) and not _thread_lock.acquire(
            True, max(0.0, deadline - time.monotonic())
        ):
            raise Busy("another thread holds the lock and does not let go")
        if path in _places_in_use:
            _thread_lock.release()
            raise Busy("this process is writing there already")
        self._path = path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _places_in_use.discard(self._path)
        _thread_lock.release()
