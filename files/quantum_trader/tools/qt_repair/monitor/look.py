"""Look at something without waiting for it: each look is bounded in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from qt_repair.monitor.event_loop.child import Child
from qt_repair.monitor.event_loop.loop import Loop, Timer
from qt_repair.monitor.thresholds import Reading, unknown
from qt_repair.monitor.watcher import Asking, Direct, Waiting, Watcher

_GRACE_S = 1.0
"""What bounds itself says more than that it was too slow."""

Answer = Callable[[Reading], None]


class Look:
    """Looks at one thing, again and again. The answer always comes from the loop, also where a look hangs."""

    def __init__(self, loop: Loop, watcher: Watcher, answer: Answer) -> None:
        self._loop = loop
        self._watcher = watcher
        self._answer = answer
        self._busy = False
        self._late: Timer | None = None
        self._child: Child | None = None
        self._again = False
        self.before_close: Callable[[], None] = _nothing

    def begin(self) -> None:
        """Look now. Where a look is under way, once more when it has ended: it may have missed something."""
        if self._busy:
            self._again = True
            return
        watcher = self._watcher
        if isinstance(watcher, Direct):
            self._answer(_looked(watcher))
        elif isinstance(watcher, Waiting):
            self._begun(watcher.timeout)
            threading.Thread(target=self._wait, args=(watcher,), daemon=True).start()
        elif isinstance(watcher, Asking):
            self._ask(watcher)

    def close(self) -> None:
        """Whatever is under way is of no interest any more."""
        self._answer = _nobody
        self._again = False
        if self._late is not None:
            self._late.cancel()
        if self._child is not None:
            self._child.let_go()
        self.before_close()
        self._watcher.close()

    def _begun(self, timeout: float) -> None:
        self._busy = True
        self._late = self._loop.after(timeout + _GRACE_S, partial(self._too_late, timeout))

    def _too_late(self, timeout: float) -> None:
        """It hangs, and stays the only one under way: a thread cannot be ended, nor can what is root's."""
        self._late = None
        if self._child is not None:
            self._child.end()
        self._answer(unknown(f"no answer within {timeout:g} s"))

    def _ended(self, reading: Reading) -> None:
        self._busy = False
        in_time = self._late is not None
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if in_time:
            self._answer(reading)
        if self._again:
            self._again = False
            self.begin()

    def _wait(self, watcher: Waiting) -> None:
        """In the thread."""
        self._loop.soon(partial(self._ended, _looked(watcher)))

    def _ask(self, watcher: Asking) -> None:
        try:
            child = Child(self._loop, watcher.argv(), self._answered)
        except OSError as error:
            self._answer(unknown(f"{watcher.argv()[0]} cannot be run: {error.strerror}"))
            return
        self._child = child
        self._begun(watcher.timeout)

    def _answered(self, exit_code: int) -> None:
        child, watcher = self._child, self._watcher
        self._child = None
        assert child is not None
        assert isinstance(watcher, Asking)
        self._ended(_read(watcher, exit_code, child))


def _looked(watcher: Direct | Waiting) -> Reading:
    try:
        return watcher.look()
    except Exception as error:  # a fault of one must not stop the others
        return unknown(_why(error))


def _read(watcher: Asking, exit_code: int, child: Child) -> Reading:
    try:
        return watcher.read(exit_code, child.output, child.errors)
    except Exception as error:
        return unknown(_why(error))


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) if isinstance(error, ValueError) else f"the look itself failed ({type(error).__name__})"


def _nobody(_reading: Reading) -> None:
    """The answer that nobody waits for."""


def _nothing() -> None:
    """What is to be done before a look is closed: nothing, for most."""
