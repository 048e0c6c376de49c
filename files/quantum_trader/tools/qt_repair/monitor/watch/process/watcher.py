"""Processes: how many of a name run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, binary_reading
from qt_repair.monitor.watcher import InlineWatcher

_NAME_LENGTH = 15
"""Characters of a name that the kernel keeps."""
_DEAD = (b"Z", b"X")


class Process(InlineWatcher):
    """Counts processes by the kernel's name for them (`ps -o comm`), without zombies."""

    unit = "running"

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = settings["minimum"]
        self._name = os.fsencode(settings["process"])[:_NAME_LENGTH]
        self._known: list[str] = []
        """The processes that were found last: while they are enough, no others are read."""

    def read(self) -> Reading:
        minimum = self.settings["minimum"]
        found = [pid for pid in self._known if self._is_one(pid)]
        if len(found) < minimum:
            found = [pid for pid in os.listdir("/proc") if pid.isdigit() and self._is_one(pid)]
        self._known = found[:minimum]
        count = len(found)
        text = f"{count} running" if count < minimum else f"at least {minimum} running"
        return binary_reading(count >= minimum, text, min(count, minimum))

    def _is_one(self, pid: str) -> bool:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                text = file.read(512)
        except (FileNotFoundError, ProcessLookupError):
            return False
        begin, end = text.find(b"(") + 1, text.rfind(b")")  # a name may hold anything
        return text[begin:end] == self._name and text[end + 2 : end + 3] not in _DEAD


WATCHER = Process
