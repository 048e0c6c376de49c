"""Pressure (PSI): the share of time in which tasks wait for memory, a disk or a core.

Where the kernel allows it, it wakes us as soon as the trigger is passed within the window. Its message is
checked against its own counter: after a quiet time it tends to report stalls that are long past.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from qt_repair.monitor.thresholds import Reading, limit_reading
from qt_repair.monitor.watcher import InlineWatcher


class Pressure(InlineWatcher):
    """Some or all tasks waiting for a resource, in percent of the time."""

    first_read_after_s = 2.0
    unit = "%"

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = settings["trigger"]
        self._path = f"/proc/pressure/{settings['resource']}"
        self._triggered = False
        self._samples: deque[tuple[float, int]] = deque()
        """The time of each reading, and the microseconds spent waiting until then; the oldest first."""
        with suppress(OSError, ValueError):
            self._samples.append(self._now())
        self.trigger_fd = self._register_trigger()
        """A descriptor with EPOLLPRI when the trigger is passed; -1 if the kernel does not report it."""

    def close(self) -> None:
        if self.trigger_fd >= 0:
            os.close(self.trigger_fd)
            self.trigger_fd = -1

    def on_trigger(self) -> None:
        """The kernel reports that the trigger was passed; the next reading checks it."""
        self._triggered = True

    def read(self) -> Reading:
        at, total = self._now()
        self._samples.append((at, total))
        while len(self._samples) > 2 and at - self._samples[1][0] >= self.settings["window"]:
            self._samples.popleft()
        begin, before = self._samples[0]  # at least a window ago: a shorter time is noise
        value = min(100.0, (total - before) / (at - begin) / 1e4) if at > begin else 0.0
        if self._triggered and total - before >= self._trigger_us:
            value = max(value, self.settings["trigger"])
        self._triggered = False
        text = f"{value:.1f} % of the time"
        return limit_reading(value, self.settings["trigger"], self.settings["clear"], text)

    @property
    def _trigger_us(self) -> int:
        """The trigger, in microseconds of a window."""
        return max(1, round(float(self.settings["window"] * self.settings["trigger"]) * 1e4))

    def _now(self) -> tuple[float, int]:
        """The time, and the microseconds spent waiting until now."""
        try:
            with open(self._path, "rb") as file:
                for line in file:
                    words = line.split()
                    if words and words[0].decode() == self.settings["share"]:
                        return time.monotonic(), int(words[-1].partition(b"=")[2])
        except FileNotFoundError:
            raise ValueError("this kernel keeps no pressure (PSI): boot it with psi=1") from None
        raise ValueError(f"{self._path} does not tell `{self.settings['share']}`")

    def _register_trigger(self) -> int:
        window = round(self.settings["window"] * 1e6)
        try:
            event = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return -1
        try:
            os.write(event, b"%s %d %d\0" % (self.settings["share"].encode(), self._trigger_us, window))
        except OSError:
            os.close(event)
            return -1
        return event


WATCHER = Pressure
