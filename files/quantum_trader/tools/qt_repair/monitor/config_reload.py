"""Read the configuration in a child process, so that the daemon need not load YAML and JSON Schema."""

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
    """The command that prints the checked configuration as JSON."""
    return [sys.executable, face, "check_config", "--json"]


class ConfigReload:
    """Reads the configuration. Hands it to `on_accepted`, or the lines about its faults to `on_refused`."""

    def __init__(
        self,
        loop: Loop,
        face: str,
        on_accepted: Callable[[Mapping[str, Any]], None],
        on_refused: Callable[[list[str]], None],
    ) -> None:
        self._loop = loop
        self._face = face
        self._on_accepted = on_accepted
        self._on_refused = on_refused
        self._child: Child | None = None
        self._start_again = False

    def start(self) -> None:
        """Read it now. If it is being read already, read it once more afterwards: it may have changed."""
        if self._child is not None:
            self._start_again = True
            return
        try:
            self._child = Child(self._loop, config_argv(self._face), self._ended)
        except OSError as error:
            self._on_refused([f"{sys.executable} cannot be run: {error.strerror}"])
        else:
            self._child.end_after(_TIMEOUT_S)

    def close(self) -> None:
        self._start_again = False
        if self._child is not None:
            self._child.abandon()
            self._child = None

    def _ended(self, exit_code: int) -> None:
        child, self._child = self._child, None
        assert child is not None
        value = parsed_config(exit_code, child.output)
        if self._start_again:
            self._start_again = False
            self.start()
        elif value is not None:
            self._on_accepted(value)
        else:
            self._on_refused(refusal_lines(exit_code, child.errors))


def parsed_config(exit_code: int, output: bytes) -> dict[str, Any] | None:
    """The configuration that check_config printed; None if it found a fault."""
    if exit_code:
        return None
    try:
        value = json.loads(output)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def refusal_lines(exit_code: int, errors: str) -> list[str]:
    """What check_config said about the faults, a line each, without the program's name."""
    lines = [line.partition(": ")[2] or line for line in errors.splitlines() if line.strip()][:_LINES]
    return lines or [f"check_config ended with {exit_code} and said nothing"]
