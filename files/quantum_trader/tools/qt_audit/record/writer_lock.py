"""Who may append, among the threads of this process: one at a time, and none while it forks."""

from __future__ import annotations

import os
import time
from _thread import RLock, get_ident

from qt_audit.record.head import Busy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals
    from types import TracebackType
else:  # `signal` makes enumerations of them: a millisecond
    from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals

# Not those that a fault raises, nor those that cannot be blocked.
_SIGNALS = tuple({int(number) for number in valid_signals() if number < 32} - {4, 5, 6, 7, 8, 9, 11, 19, 31})
_gate = RLock()
_in_use: set[str] = set()
syncing: set[int] = set()
"""Threads of this process that have the right to sync."""


def _in_child() -> None:
    _in_use.clear()  # only the thread that forked lives on
    syncing.intersection_update((get_ident(),))
    _gate.release()


os.register_at_fork(before=_gate.acquire, after_in_parent=_gate.release, after_in_child=_in_child)


class Undisturbed:
    """Signals wait until an entry is written: no handler interrupts it, to record or to raise; none is lost.

    They wait for a few milliseconds, and with a writer that hangs for twice QT_LOCK_TIMEOUT at most. Where
    there are other threads one of these may take a signal and the handler run all the same: see Turn.
    """

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = pthread_sigmask(SIG_BLOCK, ())
        try:
            pthread_sigmask(SIG_BLOCK, _SIGNALS)
        except BaseException:  # of a handler that was due: Python runs it when the mask is set already
            pthread_sigmask(SIG_SETMASK, self._before)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pthread_sigmask(SIG_SETMASK, self._before)


class Claim:
    """This place is taken by this process: who wants to append to it meanwhile is told Busy at once."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        _in_use.add(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _in_use.discard(self._path)


class Turn(Claim):
    """One thread of this process at a time, and no fork while a lock of ours is held.

    A signal handler that records something may interrupt an append of the same thread: it
    gets Busy for the same place at once, and its entry goes to the next place.
    """

    __slots__ = ()

    def __init__(self, path: str, deadline: float) -> None:
        if not _gate.acquire(False) and not _gate.acquire(True, max(0.0, deadline - time.monotonic())):
            raise Busy("another thread holds the lock and does not let go")
        if path in _in_use:
            _gate.release()
            raise Busy("this process is writing there already")
        self._path = path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _in_use.discard(self._path)
        _gate.release()
