"""A TCP port: whether it accepts connections."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, binary_reading
from qt_repair.monitor.watcher import ThreadWatcher


class Tcp(ThreadWatcher):
    """Connects, and closes the connection."""

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = "takes connections"
        self.timeout = settings["timeout"]

    def read(self) -> Reading:
        try:
            with socket.create_connection((self.settings["host"], self.settings["port"]), self.timeout):
                return binary_reading(True, "takes connections")
        except TimeoutError:
            return binary_reading(False, f"no answer within {self.timeout:g} s")
        except OSError as error:
            return binary_reading(False, error.strerror or type(error).__name__)


WATCHER = Tcp
