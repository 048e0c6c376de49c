"""The probe of a repair in auto_repair_system.yml, whatever its kind, run in a child process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, binary_reading
from qt_repair.monitor.watcher import CommandWatcher, last_line


class Repair(CommandWatcher):
    """`auto_repair_system.py --probe --only NAME --json`: so the daemon need not load what a probe needs."""

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = "healthy"
        self.timeout = settings["timeout"]

    def argv(self) -> list[str]:
        return [
            sys.executable,
            repair_program(self.install_dir),
            "--probe",
            "--only",
            self.settings["repair"],
            "--json",
        ]

    def parse(self, exit_code: int, output: bytes, errors: str) -> Reading:
        try:
            result = json.loads(output)["results"][0]
            state, text = str(result["state"]), str(result["text"])
        except (ValueError, KeyError, IndexError, TypeError):
            why = last_line(errors) or f"auto_repair_system.py ended with {exit_code}"
            raise ValueError(why) from None
        if state == "unknown":
            raise ValueError(text)
        return binary_reading(state == "healthy", text, state)


def repair_program(install_dir: str) -> str:
    """The path of auto_repair_system.py below the directory that holds scripts/; links are not resolved."""
    return f"{install_dir}/scripts/auto_repair_system.py"


WATCHER = Repair
