"""One loop that waits for everything: descriptors, timers, signals, and what threads have to say."""

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
    """A call that is due at a time of the monotonic clock, unless it is cancelled."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callback | None) -> None:
        self.due = due
        self.callback = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Sleeps until something is to be done; everything is done in the thread that runs it."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._on: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._calls: deque[Callback] = deque()
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll.register(self._woken, select.EPOLLIN)
        self._on[self._woken] = self._drain
        self._signals: dict[int, Callback] = {}
        self._caught: deque[int] = deque()
        self._running = True

    def on(self, descriptor: int, callback: Callable[[int], None], events: int = select.EPOLLIN) -> None:
        """Call back, with the events that there are, whenever there are any."""
        self._epoll.register(descriptor, events)
        self._on[descriptor] = callback

    def off(self, descriptor: int) -> None:
        """No more; before the descriptor is closed."""
        if self._on.pop(descriptor, None) is not None:
            with suppress(OSError):
                self._epoll.unregister(descriptor)

    def after(self, seconds: float, callback: Callback) -> Timer:
        """Call back once, so many seconds from now."""
        timer = Timer(time.monotonic() + seconds, callback)
        heapq.heappush(self._timers, (timer.due, next(self._numbers), timer))
        return timer

    def soon(self, callback: Callback) -> None:
        """Call back in the loop's thread. For other threads, too."""
        self._calls.append(callback)
        with suppress(BlockingIOError):  # full: it is awake
            os.write(self._wake, b"\0")

    def catch(self, numbers: Iterable[int], callback: Callable[[int], None]) -> None:
        """Let these signals be calls like others. One that this process was told to ignore stays ignored."""
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._signals[number] = partial(callback, number)
                signal.signal(number, self._catch)

    def run(self) -> None:
        """Until `stop`."""
        self._running = True
        while self._running:
            self._once()

    def stop(self) -> None:
        self._running = False

    def _once(self) -> None:
        timeout = self._next_due()
        for descriptor, events in self._epoll.poll(timeout):
            callback = self._on.get(descriptor)
            if callback is not None:  # one before it may have taken it off
                callback(events)
        while self._caught:
            self._signals[self._caught.popleft()]()
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()

    def _next_due(self) -> float:
        """Seconds until the next timer; -1 for ever."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if self._calls or self._caught:
            return 0.0
        if not self._timers:
            return -1.0
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self._caught.append(number)

    def _drain(self, _events: int) -> None:
        with suppress(BlockingIOError):
            while os.read(self._woken, 4096):
                pass
