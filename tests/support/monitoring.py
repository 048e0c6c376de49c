"""A real monitor on an installation of its own, with real repairs, and its entries in the record."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from qt_repair.monitor.watch import watcher_of
from qt_repair.monitor.watcher import CommandWatcher, InlineWatcher, ThreadWatcher
from tests.support.checkout import TOOLS
from tests.support.recording import BOUND, environment, read_record, record_of

PROGRAM = "tools/realtime_monitor.py"
TRIGGERED = "Auto-heal: Triggered by realtime monitor threshold breach"
DONE = "Auto-heal: Completed successfully (exit code 0)"
RECOVERED = "Auto-heal: Recovered after"
NO_REPAIR = "Auto-heal: Realtime monitor threshold breach, no repair configured"


class Installation:
    """A QT_HOME with the programs of this checkout and rounds of one second."""

    def __init__(self, root: Path) -> None:
        self.home = root / "qt"
        (self.home / "config").mkdir(parents=True)
        for name in ("tools", "scripts"):
            (self.home / name).symlink_to(TOOLS.parent / name)
        self.environ = environment(self.home)
        self.repairs({})

    def repairs(self, repairs: Mapping[str, Any]) -> None:
        """Configure these repairs, without cooldowns."""
        plain = {
            name: {"kind": "command", "cooldown": 0, "max_per_hour": 60, "patience": 1, **repair}
            for name, repair in repairs.items()
        }
        self._write("auto_repair_system", {"repairs": plain})

    def thresholds(self, more: Mapping[str, Any] | None = None, **kinds: list[dict[str, Any]]) -> None:
        """Configure these thresholds."""
        self._write("realtime_monitor", {"round": 1, "thresholds": kinds, **(more or {})})

    def _write(self, program: str, value: Mapping[str, Any]) -> None:
        path = self.home / f"config/{program}.yml"
        path.write_text(yaml.safe_dump(dict(value)))
        path.chmod(0o640)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return subprocess.run(
            [sys.executable, str(self.home / PROGRAM), *arguments],
            env=self.environ, capture_output=True, text=True, timeout=BOUND, check=False,
        )  # fmt: skip

    @contextmanager
    def monitor(self, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """Run the daemon. It is killed at the end of the block."""
        process = subprocess.Popen(
            [sys.executable, str(self.home / PROGRAM), *arguments],
            env={**self.environ, **environ}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def entries(self) -> list[dict[str, Any]]:
        """All entries, checked against the contract of the record."""
        return read_record(record_of(self.home)) if record_of(self.home).exists() else []

    def breach_actions(self) -> list[str]:
        """The sentences of the monitor's entries about breaches."""
        return [entry["action"] for entry in self.breach_entries()]

    def breach_entries(self) -> list[dict[str, Any]]:
        return [entry for entry in self.entries() if entry["action"].startswith("Auto-heal")]

    def wait_for_actions(self, *beginnings: str) -> None:
        """Wait until there are as many entries about breaches, and check how each begins."""
        wait_for(
            lambda: len(self.breach_actions()) >= len(beginnings),
            lambda: f"want {beginnings}, have {self.breach_actions()}",
        )
        breach_actions = self.breach_actions()
        assert len(breach_actions) == len(beginnings), breach_actions
        for action, beginning in zip(breach_actions, beginnings, strict=True):
            assert action.startswith(beginning), breach_actions

    def wait_for_entry(self, beginning: str) -> dict[str, Any]:
        """Wait for an entry with this beginning, and return it."""
        wait_for(
            lambda: bool(self._entries_beginning(beginning)), lambda: f"no {beginning!r} in {self.entries()}"
        )
        return self._entries_beginning(beginning)[0]

    def _entries_beginning(self, beginning: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries() if entry["action"].startswith(beginning)]

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return answer

    def threshold_status(self, name: str) -> dict[str, Any]:
        """A threshold in the answer of `status`; empty if it is not there."""
        found: dict[str, Any] = next(
            (item for item in self.status()["thresholds"] if item["name"] == name), {}
        )
        return found


def wait_for(condition: Callable[[], bool], otherwise: Callable[[], str] = lambda: "") -> None:
    """Wait until the condition holds; fail with `otherwise()` after so long that it must hang."""
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end: exit status and standard error."""
    _, errors = process.communicate(timeout=BOUND)
    return process.returncode, errors


def command_watcher(kind: str, **settings: Any) -> CommandWatcher:
    """A watcher that runs a program, from these settings."""
    watcher = watcher_of(kind, settings, "/opt/qt")
    assert isinstance(watcher, CommandWatcher)
    return watcher


def reading_watcher(kind: str, **settings: Any) -> InlineWatcher | ThreadWatcher:
    """A watcher that reads by itself, from these settings."""
    watcher = watcher_of(kind, settings, "/opt/qt")
    assert isinstance(watcher, (InlineWatcher, ThreadWatcher))
    return watcher
