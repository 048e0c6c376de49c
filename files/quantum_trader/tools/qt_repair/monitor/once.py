"""One look at everything, without a daemon: for a first try, and for cron."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from qt_repair.monitor.event_loop.loop import Loop
from qt_repair.monitor.look import Look
from qt_repair.monitor.thresholds import Reading
from qt_repair.monitor.watch import watcher_of
from qt_repair.monitor.watched import Watched, thresholds_of


def look_once(value: Mapping[str, Any], face: str) -> list[Watched]:
    """What each threshold of a checked configuration reads now. All are looked at together."""
    loop, base = Loop(), os.path.dirname(os.path.dirname(face))
    found: list[Watched] = []
    waiting: set[str] = set()

    def take(watched: Watched, reading: Reading) -> None:
        watched.reading = reading
        waiting.discard(watched.name)
        if not waiting:
            loop.stop()

    looks = []
    for threshold in thresholds_of(value):
        watcher = watcher_of(threshold.kind, threshold.settings, base)
        watched = Watched(threshold, watcher.level, watcher.unit)
        look = Look(loop, watcher, partial(take, watched))
        loop.after(watcher.settle, look.begin)
        found.append(watched)
        waiting.add(watched.name)
        looks.append(look)
    if looks:
        loop.run()
    for look in looks:
        look.close()
    return found
