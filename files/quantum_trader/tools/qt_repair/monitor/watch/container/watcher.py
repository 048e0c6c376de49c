"""A container: whether it runs and is healthy by its own health check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.finding import ProbeError
from qt_repair.host import docker
from qt_repair.kinds.container.probe import finding_of
from qt_repair.monitor.thresholds import Reading, binary_reading, unknown_reading
from qt_repair.monitor.watcher import ThreadWatcher


class Container(ThreadWatcher):
    """Docker's state, judged like by the probe of the repair. Docker's events trigger a poll."""

    timeout = 10.0

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = "runs, healthy"

    def read(self) -> Reading:
        name = self.settings["container"]
        try:
            state = docker.inspect(name, self.timeout)
            found = finding_of(name, state)
        except ProbeError as error:
            return unknown_reading(str(error))
        return binary_reading(found.healthy, found.summary, state.health or state.status)


WATCHER = Container
