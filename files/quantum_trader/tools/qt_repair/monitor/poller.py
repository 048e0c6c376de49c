"""Poll a watcher without blocking the loop; each reading is bounded in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from qt_repair.monitor.event_loop.child import Child
from qt_repair.monitor.event_loop.loop import Loop, Timer
from qt_repair.monitor.thresholds import Reading, unknown_reading
from qt_repair.monitor.watcher import CommandWatcher, InlineWatcher, ThreadWatcher, Watcher

_GRACE_S = 1.0
"""Beyond a watcher's own timeout: its own error says more than ours."""

OnReading = Callable[[Reading], None]


class Poller:
    """Polls one watcher. `on_reading` is always called from the loop, also when a reading hangs."""

    def __init__(self, loop: Loop, watcher: Watcher, on_reading: OnReading) -> None:
        self._loop = loop
        self._watcher = watcher
        self._on_reading = on_reading
        self._polling = False
        self._deadline: Timer | None = None
        self._child: Child | None = None
        self._poll_again = False
        self.before_close: Callable[[], None] = _do_nothing

    def poll(self) -> None:
        """Read now. If a reading is under way, read once more after it: it may have missed a change."""
        if self._polling:
            self._poll_again = True
            return
        watcher = self._watcher
        if isinstance(watcher, InlineWatcher):
            self._on_reading(_read_now(watcher))
        elif isinstance(watcher, ThreadWatcher):
            self._started(watcher.timeout)
            threading.Thread(target=self._read_in_thread, args=(watcher,), daemon=True).start()
        elif isinstance(watcher, CommandWatcher):
            self._run_command(watcher)

    def close(self) -> None:
        """Stop. The result of a reading that is under way is ignored."""
        self._on_reading = _ignore
        self._poll_again = False
        if self._deadline is not None:
            self._deadline.cancel()
        if self._child is not None:
            self._child.abandon()
        self.before_close()
        self._watcher.close()

    def _started(self, timeout: float) -> None:
        self._polling = True
        self._deadline = self._loop.call_later(timeout + _GRACE_S, partial(self._timed_out, timeout))

    def _timed_out(self, timeout: float) -> None:
        """Report that it hangs. No other reading starts before it ends: neither a thread nor root's process
        can be killed."""
        self._deadline = None
        if self._child is not None:
            self._child.end()
        self._on_reading(unknown_reading(f"no answer within {timeout:g} s"))

    def _finished(self, reading: Reading) -> None:
        self._polling = False
        in_time = self._deadline is not None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if in_time:
            self._on_reading(reading)
        if self._poll_again:
            self._poll_again = False
            self.poll()

    def _read_in_thread(self, watcher: ThreadWatcher) -> None:
        """Runs in the thread."""
        self._loop.call_soon(partial(self._finished, _read_now(watcher)))

    def _run_command(self, watcher: CommandWatcher) -> None:
        try:
            child = Child(self._loop, watcher.argv(), self._command_ended)
        except OSError as error:
            self._on_reading(unknown_reading(f"{watcher.argv()[0]} cannot be run: {error.strerror}"))
            return
        self._child = child
        self._started(watcher.timeout)

    def _command_ended(self, exit_code: int) -> None:
        child, watcher = self._child, self._watcher
        self._child = None
        assert child is not None
        assert isinstance(watcher, CommandWatcher)
        self._finished(_parsed(watcher, exit_code, child))


def _read_now(watcher: InlineWatcher | ThreadWatcher) -> Reading:
    try:
        return watcher.read()
    except Exception as error:  # a bug in one watcher must not stop the others
        return unknown_reading(_why(error))


def _parsed(watcher: CommandWatcher, exit_code: int, child: Child) -> Reading:
    try:
        return watcher.parse(exit_code, child.output, child.errors)
    except Exception as error:
        return unknown_reading(_why(error))


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) if isinstance(error, ValueError) else f"the look itself failed ({type(error).__name__})"


def _ignore(_reading: Reading) -> None:
    """Takes the reading of a poller that was closed."""


def _do_nothing() -> None:
    """What most pollers do before they close."""
