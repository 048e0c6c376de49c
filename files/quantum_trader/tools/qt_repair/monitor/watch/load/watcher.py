"""Load: how many processes want a core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, rising
from qt_repair.monitor.watcher import Direct


class Load(Direct):
    """The 1-minute load, a core."""

    unit = "a core"

    def __init__(self, settings: Mapping[str, Any], base: str) -> None:
        super().__init__(settings, base)
        self.level = settings["trigger"]

    def look(self) -> Reading:
        value = os.getloadavg()[0] / (os.cpu_count() or 1)
        return rising(value, self.settings["trigger"], self.settings["clear"], f"{value:.2f} a core")


WATCHER = Load
