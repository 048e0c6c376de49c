"""A TCP port: does it take connections?"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, yes_or_no
from qt_repair.monitor.watcher import Waiting


class Tcp(Waiting):
    """Connects, and hangs up."""

    def __init__(self, settings: Mapping[str, Any], base: str) -> None:
        super().__init__(settings, base)
        self.level = "takes connections"
        self.timeout = settings["timeout"]

    def look(self) -> Reading:
        try:
            with socket.create_connection((self.settings["host"], self.settings["port"]), self.timeout):
                return yes_or_no(True, "takes connections")
        except TimeoutError:
            return yes_or_no(False, f"no answer within {self.timeout:g} s")
        except OSError as error:
            return yes_or_no(False, error.strerror or type(error).__name__)


WATCHER = Tcp
