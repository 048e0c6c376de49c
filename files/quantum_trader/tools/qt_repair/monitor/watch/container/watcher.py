"""A container: does it run, and is it healthy by its own health check?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.finding import ProbeError
from qt_repair.host import docker
from qt_repair.kinds.container.probe import judged
from qt_repair.monitor.thresholds import Reading, unknown, yes_or_no
from qt_repair.monitor.watcher import Waiting


class Container(Waiting):
    """Docker's word, as the probe of the repair judges it. Docker's events say when to look."""

    timeout = 10.0

    def __init__(self, settings: Mapping[str, Any], base: str) -> None:
        super().__init__(settings, base)
        self.level = "runs, healthy"

    def look(self) -> Reading:
        name = self.settings["container"]
        try:
            state = docker.inspect(name, self.timeout)
            found = judged(name, state)
        except ProbeError as error:
            return unknown(str(error))
        return yes_or_no(found.healthy, found.summary, state.health or state.status)


WATCHER = Container
