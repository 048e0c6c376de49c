"""The event loop: it waits for descriptors, timers, signals and calls from threads."""

from __future__ import annotations

import heapq
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import count
from types import FrameType

Callback = Callable[[], None]


class Timer:
    """A call that is due at a time of the monotonic clock and may be cancelled."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callback | None) -> None:
        self.due = due
        self.callback = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Runs all callbacks in the thread that called run(); sleeps while there is nothing to do."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._calls: deque[Callback] = deque()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll.register(self._wake_read, select.EPOLLIN)
        self._readers[self._wake_read] = self._drain_wake_pipe
        self._signals: dict[int, Callback] = {}
        self._pending_signals: deque[int] = deque()
        self._running = True

    def add_reader(
        self, descriptor: int, callback: Callable[[int], None], events: int = select.EPOLLIN
    ) -> None:
        """Call back with the events of the descriptor whenever it has any of `events`."""
        self._epoll.register(descriptor, events)
        self._readers[descriptor] = callback

    def remove_reader(self, descriptor: int) -> None:
        """Stop that. Must be called before the descriptor is closed."""
        if self._readers.pop(descriptor, None) is not None:
            with suppress(OSError):
                self._epoll.unregister(descriptor)

    def call_later(self, seconds: float, callback: Callback) -> Timer:
        """Call back once, in so many seconds."""
        timer = Timer(time.monotonic() + seconds, callback)
        heapq.heappush(self._timers, (timer.due, next(self._numbers), timer))
        return timer

    def call_soon(self, callback: Callback) -> None:
        """Call back in the loop's thread, as soon as possible. Any thread may call this."""
        self._calls.append(callback)
        with suppress(BlockingIOError):  # the pipe is full: the loop is awake already
            os.write(self._wake_write, b"\0")

    def add_signal_handler(self, numbers: Iterable[int], callback: Callable[[int], None]) -> None:
        """Call back in the loop when a signal comes. A signal that this process ignores stays ignored."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._signals[number] = partial(callback, number)
                signal.signal(number, self._on_signal)

    def run(self) -> None:
        """Run until stop() is called."""
        self._running = True
        while self._running:
            self._run_once()

    def stop(self) -> None:
        self._running = False

    def _run_once(self) -> None:
        timeout = self._next_due()
        for descriptor, events in self._epoll.poll(timeout):
            callback = self._readers.get(descriptor)
            if callback is not None:  # an earlier callback may have removed it
                callback(events)
        while self._pending_signals:
            self._signals[self._pending_signals.popleft()]()
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()

    def _next_due(self) -> float:
        """Seconds until the next timer; -1 if there is none."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if self._calls or self._pending_signals:
            return 0.0
        if not self._timers:
            return -1.0
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._pending_signals.append(number)

    def _drain_wake_pipe(self, _events: int) -> None:
        with suppress(BlockingIOError):
            while os.read(self._wake_read, 4096):
                pass
