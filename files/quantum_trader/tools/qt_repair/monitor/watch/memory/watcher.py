"""The used memory, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, limit_reading
from qt_repair.monitor.watcher import InlineWatcher


class Memory(InlineWatcher):
    """The memory that is not available to programs: all but MemAvailable."""

    unit = "%"
    _total, _free = b"MemTotal", b"MemAvailable"

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = settings["trigger"]

    def read(self) -> Reading:
        known = _meminfo()
        total = known.get(self._total, 0)
        used = 100 * (1 - known.get(self._free, 0) / total) if total else 0.0
        return limit_reading(used, self.settings["trigger"], self.settings["clear"], f"{used:.1f} % used")


def _meminfo() -> dict[bytes, int]:
    """/proc/meminfo: names and kilobytes."""
    with open("/proc/meminfo", "rb") as file:
        rows = (line.split() for line in file)
        return {row[0].rstrip(b":"): int(row[1]) for row in rows if len(row) > 1}


WATCHER = Memory
