"""A systemd unit: whether it is active."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import BETWEEN, Reading, binary_reading
from qt_repair.monitor.watcher import CommandWatcher, last_line

_AUTO_RESTART = "auto-restart"


class Unit(CommandWatcher):
    """Active is good; starting is neither; failed, inactive and waiting for a restart are bad."""

    timeout = 10.0

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = "active"

    def argv(self) -> list[str]:
        return [
            "/usr/bin/systemctl",
            "show",
            "--property=LoadState,ActiveState,SubState",
            "--",
            self.settings["unit"],
        ]

    def parse(self, exit_code: int, output: bytes, errors: str) -> Reading:
        said = dict(line.partition("=")[::2] for line in output.decode("utf-8", "replace").splitlines())
        if exit_code or "ActiveState" not in said:
            raise ValueError(last_line(errors) or f"systemctl ended with {exit_code}")
        if said.get("LoadState") == "not-found":
            raise ValueError("systemd knows no such unit: correct the threshold, or install it")
        state, detail = said["ActiveState"], said.get("SubState", "")
        text = f"{state} ({detail})"
        if state == "activating" and not detail.startswith(_AUTO_RESTART):
            return Reading(BETWEEN, text, state)
        return binary_reading(state in ("active", "reloading", "refreshing"), text, state)


WATCHER = Unit
