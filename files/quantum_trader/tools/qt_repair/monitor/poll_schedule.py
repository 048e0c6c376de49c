"""When each threshold is polled: at its interval, and at once when an event says that something happened."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from qt_repair.monitor.event_loop.loop import Loop, Timer
from qt_repair.monitor.poller import Poller
from qt_repair.monitor.thresholds import PhaseState, Reading
from qt_repair.monitor.watch import watcher_of
from qt_repair.monitor.watch.pressure.watcher import Pressure
from qt_repair.monitor.watched_threshold import Threshold, WatchedThreshold


@dataclass
class _Entry:
    """One threshold in the schedule."""

    watched: WatchedThreshold
    poller: Poller
    timer: Timer


class PollSchedule:
    """Polls each threshold at its own interval. Those with the same interval are polled together, so that
    the process seldom wakes up."""

    def __init__(
        self, loop: Loop, install_dir: str, on_reading: Callable[[WatchedThreshold, Reading], None]
    ) -> None:
        """`install_dir` is the directory that holds tools/ and scripts/; `on_reading` gets each reading."""
        self._loop = loop
        self._base = install_dir
        self._on_reading = on_reading
        self._epoch = time.monotonic()
        self._entries: list[_Entry] = []

    @property
    def watched(self) -> list[WatchedThreshold]:
        return [entry.watched for entry in self._entries]

    def apply(self, thresholds: Sequence[Threshold]) -> list[WatchedThreshold]:
        """Watch exactly these; one that was watched before keeps its state. Returns those dropped."""
        previous = {(entry.watched.threshold.kind, entry.watched.name): entry for entry in self._entries}
        self._entries = []
        for threshold in thresholds:
            entry = previous.pop((threshold.kind, threshold.name), None)
            if entry is None:
                entry = self._new_entry(
                    WatchedThreshold(threshold, "", phase_state=PhaseState(since=time.monotonic()))
                )
            elif entry.watched.threshold != threshold:
                self._close(entry)
                entry.watched.threshold = threshold
                entry = self._new_entry(entry.watched)
            self._entries.append(entry)
        for entry in previous.values():
            self._close(entry)
        return [entry.watched for entry in previous.values()]

    def poll_containers(self, name: str | None) -> None:
        """Poll the threshold of this container now; None: those of all containers."""
        for entry in self._entries:
            threshold = entry.watched.threshold
            if threshold.kind == "container" and name in (None, threshold.settings["container"]):
                entry.poller.poll()

    def poll(self, watched: WatchedThreshold) -> None:
        """Poll it now."""
        for entry in self._entries:
            if entry.watched is watched:
                entry.poller.poll()

    def close(self) -> None:
        for entry in self._entries:
            self._close(entry)

    def _new_entry(self, watched: WatchedThreshold) -> _Entry:
        threshold = watched.threshold
        watcher = watcher_of(threshold.kind, threshold.settings, self._base)
        watched.limit, watched.unit = watcher.limit, watcher.unit
        poller = Poller(self._loop, watcher, partial(self._on_reading, watched))
        entry = _Entry(watched, poller, Timer(0, None))
        entry.timer = self._loop.call_later(watcher.first_read_after_s, partial(self._tick, entry))
        if isinstance(watcher, Pressure) and watcher.trigger_fd >= 0:
            self._loop.add_reader(
                watcher.trigger_fd, partial(self._on_pressure_event, watcher, poller), select.EPOLLPRI
            )
            poller.before_close = partial(self._loop.remove_reader, watcher.trigger_fd)
        return entry

    def _tick(self, entry: _Entry) -> None:
        every = entry.watched.threshold.every
        passed = time.monotonic() - self._epoch
        entry.timer = self._loop.call_later(every - passed % every, partial(self._tick, entry))
        entry.poller.poll()

    def _on_pressure_event(self, watcher: Pressure, poller: Poller, events: int) -> None:
        if events & select.EPOLLPRI:
            watcher.on_trigger()
            poller.poll()
        else:  # the kernel has withdrawn the trigger
            self._loop.remove_reader(watcher.trigger_fd)

    def _close(self, entry: _Entry) -> None:
        entry.timer.cancel()
        entry.poller.close()
