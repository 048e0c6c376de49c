"""An HTTP address: whether it answers as expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.finding import ProbeError
from qt_repair.monitor.thresholds import Reading, binary_reading, unknown_reading
from qt_repair.monitor.watcher import ThreadWatcher


class Http(ThreadWatcher):
    """The same check as in the probe of a container."""

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = "answers as expected"
        self.timeout = settings["timeout"]

    def read(self) -> Reading:
        from qt_repair.host.http import check_url

        try:
            found = check_url(self.settings["url"], self.timeout, self.settings["expect"])
        except ProbeError as error:
            return unknown_reading(str(error))
        return binary_reading(found.healthy, found.summary)


WATCHER = Http
