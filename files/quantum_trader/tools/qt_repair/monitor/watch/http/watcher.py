"""An HTTP address: does it answer, and with what is expected?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.finding import ProbeError
from qt_repair.monitor.thresholds import Reading, unknown, yes_or_no
from qt_repair.monitor.watcher import Waiting


class Http(Waiting):
    """The same check as the repairs have."""

    def __init__(self, settings: Mapping[str, Any], base: str) -> None:
        super().__init__(settings, base)
        self.level = "answers as expected"
        self.timeout = settings["timeout"]

    def look(self) -> Reading:
        from qt_repair.host.http import check

        try:
            found = check(self.settings["url"], self.timeout, self.settings["expect"])
        except ProbeError as error:
            return unknown(str(error))
        return yes_or_no(found.healthy, found.summary)


WATCHER = Http
