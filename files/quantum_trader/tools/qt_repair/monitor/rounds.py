"""Everything that is watched: who is looked at when, and at once where something happened."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from qt_repair.monitor.event_loop.loop import Loop, Timer
from qt_repair.monitor.look import Look
from qt_repair.monitor.thresholds import Reading, Track
from qt_repair.monitor.watch import watcher_of
from qt_repair.monitor.watch.pressure.watcher import Pressure
from qt_repair.monitor.watched import Threshold, Watched


@dataclass
class _Place:
    """One threshold's place in the roster."""

    watched: Watched
    look: Look
    timer: Timer


class Roster:
    """Looks at each threshold in its own rhythm; those of the same rhythm together, to wake up seldom."""

    def __init__(self, loop: Loop, base: str, take: Callable[[Watched, Reading], None]) -> None:
        """`base` is the directory that tools/ and scripts/ are in; `take` gets each reading."""
        self._loop = loop
        self._base = base
        self._take = take
        self._begin = time.monotonic()
        self._places: list[_Place] = []

    @property
    def watched(self) -> list[Watched]:
        return [place.watched for place in self._places]

    def apply(self, thresholds: Sequence[Threshold]) -> list[Watched]:
        """Watch these from now on; what is known of one stays known. Returns those that went."""
        before = {(place.watched.threshold.kind, place.watched.name): place for place in self._places}
        self._places = []
        for threshold in thresholds:
            place = before.pop((threshold.kind, threshold.name), None)
            if place is None:
                place = self._placed(Watched(threshold, "", track=Track(since=time.monotonic())))
            elif place.watched.threshold != threshold:
                self._close(place)
                place.watched.threshold = threshold
                place = self._placed(place.watched)
            self._places.append(place)
        for place in before.values():
            self._close(place)
        return [place.watched for place in before.values()]

    def look_at_containers(self, name: str | None) -> None:
        """Something happened to this container; None: to any of them."""
        for place in self._places:
            threshold = place.watched.threshold
            if threshold.kind == "container" and name in (None, threshold.settings["container"]):
                place.look.begin()

    def look_at(self, watched: Watched) -> None:
        """Look at it now."""
        for place in self._places:
            if place.watched is watched:
                place.look.begin()

    def close(self) -> None:
        for place in self._places:
            self._close(place)

    def _placed(self, watched: Watched) -> _Place:
        threshold = watched.threshold
        watcher = watcher_of(threshold.kind, threshold.settings, self._base)
        watched.level, watched.unit = watcher.level, watcher.unit
        look = Look(self._loop, watcher, partial(self._take, watched))
        place = _Place(watched, look, Timer(0, None))
        place.timer = self._loop.after(watcher.settle, partial(self._tick, place))
        if isinstance(watcher, Pressure) and watcher.event >= 0:
            self._loop.on(watcher.event, partial(self._pressed, watcher, look), select.EPOLLPRI)
            look.before_close = partial(self._loop.off, watcher.event)
        return place

    def _tick(self, place: _Place) -> None:
        every = place.watched.threshold.every
        passed = time.monotonic() - self._begin
        place.timer = self._loop.after(every - passed % every, partial(self._tick, place))
        place.look.begin()

    def _pressed(self, watcher: Pressure, look: Look, events: int) -> None:
        if events & select.EPOLLPRI:
            watcher.happened()
            look.begin()
        else:  # the kernel takes the trigger back
            self._loop.off(watcher.event)

    def _close(self, place: _Place) -> None:
        place.timer.cancel()
        place.look.close()
