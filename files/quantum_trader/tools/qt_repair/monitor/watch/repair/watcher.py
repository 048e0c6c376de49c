"""A probe of auto_repair_system.yml, whatever its kind, asked in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, yes_or_no
from qt_repair.monitor.watcher import Asking, last_line


class Repair(Asking):
    """`auto_repair_system.py --probe --only NAME --json`: what a probe needs is not ours to carry."""

    def __init__(self, settings: Mapping[str, Any], base: str) -> None:
        super().__init__(settings, base)
        self.level = "healthy"
        self.timeout = settings["timeout"]

    def argv(self) -> list[str]:
        return [
            sys.executable,
            repair_program(self.base),
            "--probe",
            "--only",
            self.settings["repair"],
            "--json",
        ]

    def read(self, exit_code: int, output: bytes, errors: str) -> Reading:
        try:
            result = json.loads(output)["results"][0]
            state, text = str(result["state"]), str(result["text"])
        except (ValueError, KeyError, IndexError, TypeError):
            why = last_line(errors) or f"auto_repair_system.py ended with {exit_code}"
            raise ValueError(why) from None
        if state == "unknown":
            raise ValueError(text)
        return yes_or_no(state == "healthy", text, state)


def repair_program(base: str) -> str:
    """The program that repairs, in the directory that tools/ and scripts/ are in, links not resolved."""
    return f"{base}/scripts/auto_repair_system.py"


WATCHER = Repair
