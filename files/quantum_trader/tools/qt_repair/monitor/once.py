"""Poll every threshold once, without a daemon: for a first try, and for cron."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from qt_repair.monitor.event_loop.loop import Loop
from qt_repair.monitor.poller import Poller
from qt_repair.monitor.thresholds import Reading
from qt_repair.monitor.watch import watcher_of
from qt_repair.monitor.watched_threshold import WatchedThreshold, thresholds_of


def poll_once(value: Mapping[str, Any], face: str) -> list[WatchedThreshold]:
    """The present reading of each threshold in a checked configuration. All are polled at the same time."""
    loop, install_dir = Loop(), os.path.dirname(os.path.dirname(face))
    thresholds: list[WatchedThreshold] = []
    waiting: set[str] = set()

    def on_reading(watched: WatchedThreshold, reading: Reading) -> None:
        watched.reading = reading
        waiting.discard(watched.name)
        if not waiting:
            loop.stop()

    pollers = []
    for threshold in thresholds_of(value):
        watcher = watcher_of(threshold.kind, threshold.settings, install_dir)
        watched = WatchedThreshold(threshold, watcher.limit, watcher.unit)
        poller = Poller(loop, watcher, partial(on_reading, watched))
        loop.call_later(watcher.first_read_after_s, poller.poll)
        thresholds.append(watched)
        waiting.add(watched.name)
        pollers.append(poller)
    if pollers:
        loop.run()
    for poller in pollers:
        poller.close()
    return thresholds
