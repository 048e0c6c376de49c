"""CPU: the busy share of all cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, limit_reading
from qt_repair.monitor.watcher import InlineWatcher

_IDLE = slice(3, 5)
"""Positions in /proc/stat: the time idle, and the time waiting for a disk."""
_COLUMNS = 8
"""The columns that are counted: guest and guest_nice are part of user and nice."""


class Cpu(InlineWatcher):
    """The busy share of all cores since the last reading, in percent."""

    first_read_after_s = 1.0
    unit = "%"

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = settings["trigger"]
        self._before = _times()
        self._last = 0.0

    def read(self) -> Reading:
        now, before = _times(), self._before
        total = sum(now) - sum(before)
        if total > 0:
            idle = sum(now[_IDLE]) - sum(before[_IDLE])
            self._last = min(100.0, max(0.0, 100 * (1 - idle / total)))
            self._before = now
        return limit_reading(
            self._last, self.settings["trigger"], self.settings["clear"], f"{self._last:.1f} %"
        )


def _times() -> list[int]:
    with open("/proc/stat", "rb") as file:
        return [int(word) for word in file.readline().split()[1 : _COLUMNS + 1]]


WATCHER = Cpu
