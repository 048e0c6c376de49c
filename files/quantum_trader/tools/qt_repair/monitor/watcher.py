"""How a watcher looks at what one threshold is about. None of them changes anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from qt_repair.monitor.thresholds import Reading


class Watcher:
    """One object that is looked at. `settings` are a threshold's, checked, with defaults."""

    settle: ClassVar[float] = 0.0
    """Seconds between the beginning and the first look: what measures over time needs a time."""
    level: float | str
    """What the value is held against, for entries and tables."""
    unit: ClassVar[str] = ""
    """The unit of a level that is a number."""

    def __init__(self, settings: Mapping[str, Any], base: str) -> None:
        self.settings = settings
        self.base = base

    def close(self) -> None:
        """Let go of what is held open."""


class Direct(Watcher):
    """Reads what the kernel keeps in memory: at once, in the loop."""

    def look(self) -> Reading:
        """What is there now. Raises OSError or ValueError if it cannot be told."""
        raise NotImplementedError


class Waiting(Watcher):
    """May wait for a disk or a network: in a thread."""

    timeout: float

    def look(self) -> Reading:
        """The same, within `timeout` seconds or later."""
        raise NotImplementedError


class Asking(Watcher):
    """Asks another program: a child process."""

    timeout: float

    def argv(self) -> list[str]:
        """What is asked."""
        raise NotImplementedError

    def read(self, exit_code: int, output: bytes, errors: str) -> Reading:
        """What it answered. Raises ValueError if it cannot be told. Pure."""
        raise NotImplementedError


def last_line(text: str) -> str:
    """The last line of what a program said that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
