"""Check that a unit is active and stays active.

A restart loop is recognised without a state of our own: systemd counts its restarts of a unit since the last
start by hand (`NRestarts`), and says since when the unit is active. A unit that systemd restarted more than
`max_restarts` times and that has not been up for `restart_window` seconds is in a restart loop. A restart by
hand, and so the repair, resets the count.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, ProbeError
from qt_repair.host import systemd
from qt_repair.host.systemd import UnitState


class ServiceProbe:
    """One unit of the system."""

    def __init__(self, settings: Mapping[str, Any], home: str) -> None:
        self._settings = settings

    def check(self, timeout: float) -> Finding:
        """Its state by systemd. Raises ProbeError."""
        return finding_of(systemd.show(self._settings["unit"], timeout), self._settings, time.monotonic())


def finding_of(unit: UnitState, settings: Mapping[str, Any], now: float) -> Finding:
    """The finding about a unit's state at `now`. Pure. Raises ProbeError while it is starting or stopping."""
    details, up_for = unit.as_dict(), now - unit.active_since
    in_restart_loop = unit.restarts > settings["max_restarts"] and up_for < settings["restart_window"]
    if in_restart_loop and unit.active in ("active", "activating"):
        text = f"{unit.name} restarts in circles: systemd restarted it {unit.restarts} times"
        return Finding(False, text, details)
    if unit.active in ("activating", "deactivating"):
        starting = unit.active == "activating"
        since, word = (unit.starting_since, "starting") if starting else (unit.stopping_since, "stopping")
        if now - since < settings["max_start"]:
            raise ProbeError(f"{unit.name} is {word}")
        return Finding(False, f"{unit.name} is {word} for more than {settings['max_start']:g} s", details)
    if unit.active in ("active", "reloading"):
        return Finding(True, f"{unit.name} is active", details)
    if unit.active == "inactive" and unit.runs_once and unit.result == "success":
        return Finding(True, f"{unit.name} has done its work", details)
    return Finding(False, f"{unit.name} is {unit.active}{_why(unit)}", details)


def _why(unit: UnitState) -> str:
    if unit.result == "exit-code":
        return f" (exit code {unit.exit_code})"
    return "" if unit.result in ("", "success") else f" ({unit.result})"


PROBE = ServiceProbe
