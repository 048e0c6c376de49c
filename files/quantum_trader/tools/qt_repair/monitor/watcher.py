"""Watchers: each reads what one threshold is about, in the loop, in a thread or by a command. Read only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from qt_repair.monitor.thresholds import Reading


class Watcher:
    """Reads one object. `settings` are a threshold's, checked, with defaults.

    `install_dir` is the directory that holds tools/ and scripts/.
    """

    first_read_after_s: ClassVar[float] = 0.0
    """Seconds before the first reading: a rate needs two samples."""
    limit: float | str
    """What the value is compared with, as entries and tables show it."""
    unit: ClassVar[str] = ""
    """The unit of a limit that is a number."""

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        self.settings = settings
        self.install_dir = install_dir

    def close(self) -> None:
        """Close what is open."""


class InlineWatcher(Watcher):
    """Reads what the kernel has in memory: it cannot block, so it runs in the loop."""

    def read(self) -> Reading:
        """The present reading. Raises OSError or ValueError if there is none."""
        raise NotImplementedError


class ThreadWatcher(Watcher):
    """May block on a disk or a network, so it runs in a thread."""

    timeout: float

    def read(self) -> Reading:
        """The same; it should end within `timeout` seconds, and nobody waits longer."""
        raise NotImplementedError


class CommandWatcher(Watcher):
    """Runs a program and parses its output."""

    timeout: float

    def argv(self) -> list[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def parse(self, exit_code: int, output: bytes, errors: str) -> Reading:
        """The reading that the program's exit status and output stand for. Raises ValueError. Pure."""
        raise NotImplementedError


def last_line(text: str) -> str:
    """The last line that is not blank; empty if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
