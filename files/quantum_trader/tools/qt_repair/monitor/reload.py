"""Read the configuration in a process of its own: what reads YAML and checks schemas is not ours to carry."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from qt_repair.monitor.event_loop.child import Child
from qt_repair.monitor.event_loop.loop import Loop

_TIMEOUT_S = 30.0
_LINES = 20


def config_argv(face: str) -> list[str]:
    """What prints the checked configuration as JSON."""
    return [sys.executable, face, "check_config", "--json"]


class Reload:
    """Asks for the configuration, and hands on what is right, or the lines that say what is wrong."""

    def __init__(
        self,
        loop: Loop,
        face: str,
        right: Callable[[Mapping[str, Any]], None],
        wrong: Callable[[list[str]], None],
    ) -> None:
        self._loop = loop
        self._face = face
        self._right = right
        self._wrong = wrong
        self._child: Child | None = None
        self._again = False

    def begin(self) -> None:
        """Read it now; where it is being read, once more: it may have changed since."""
        if self._child is not None:
            self._again = True
            return
        try:
            self._child = Child(self._loop, config_argv(self._face), self._ended)
        except OSError as error:
            self._wrong([f"{sys.executable} cannot be run: {error.strerror}"])
        else:
            self._child.end_after(_TIMEOUT_S)

    def close(self) -> None:
        self._again = False
        if self._child is not None:
            self._child.let_go()
            self._child = None

    def _ended(self, exit_code: int) -> None:
        child, self._child = self._child, None
        assert child is not None
        value = understood(exit_code, child.output)
        if self._again:
            self._again = False
            self.begin()
        elif value is not None:
            self._right(value)
        else:
            self._wrong(faults(exit_code, child.errors))


def understood(exit_code: int, output: bytes) -> dict[str, Any] | None:
    """The configuration, if it was found right."""
    if exit_code:
        return None
    try:
        value = json.loads(output)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def faults(exit_code: int, errors: str) -> list[str]:
    """The lines that say what is wrong, without the program's name."""
    lines = [line.partition(": ")[2] or line for line in errors.splitlines() if line.strip()][:_LINES]
    return lines or [f"check_config ended with {exit_code} and said nothing"]
