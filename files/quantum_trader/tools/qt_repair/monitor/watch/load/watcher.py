"""Load: how many processes run or wait for each core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, limit_reading
from qt_repair.monitor.watcher import InlineWatcher


class Load(InlineWatcher):
    """The 1-minute load average divided by the number of cores."""

    unit = "a core"

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = settings["trigger"]

    def read(self) -> Reading:
        value = os.getloadavg()[0] / (os.cpu_count() or 1)
        return limit_reading(value, self.settings["trigger"], self.settings["clear"], f"{value:.2f} a core")


WATCHER = Load
