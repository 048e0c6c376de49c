"""Ask systemd about a unit, as any account may; have it restart one, by sudo."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qt_repair.finding import ProbeError, RepairError
from qt_repair.host import rights
from qt_repair.host.process import TimedOutError, capture

SYSTEMCTL = "/usr/bin/systemctl"
_TYPES = ("service", "socket", "timer", "mount", "path", "target", "slice", "scope", "swap", "automount")
_PROPERTIES = (
    "Id", "LoadState", "ActiveState", "SubState", "Result", "Type", "RemainAfterExit", "NRestarts",
    "ExecMainStatus", "ActiveEnterTimestampMonotonic", "InactiveExitTimestampMonotonic",
    "ActiveExitTimestampMonotonic",
)  # fmt: skip


@dataclass(frozen=True)
class UnitState:
    """What systemd knows of a unit. Times are seconds of the monotonic clock; 0: never."""

    name: str
    load: str
    """loaded, not-found, masked, bad-setting, error."""
    active: str
    """active, reloading, inactive, failed, activating, deactivating, maintenance."""
    sub: str
    result: str
    """success, or why it failed: exit-code, signal, timeout, start-limit-hit, oom-kill …"""
    runs_once: bool
    """It does its work and ends (oneshot), and is not active afterwards."""
    restarts: int
    """How often systemd restarted it by itself since it was started or restarted by hand."""
    exit_code: int
    active_since: float
    starting_since: float
    stopping_since: float

    def as_dict(self) -> dict[str, Any]:
        plain = {"unit": self.name, "active": self.active, "sub": self.sub, "result": self.result}
        return {**plain, "restarts": self.restarts, "exit_code": self.exit_code}


def full_name(unit: str) -> str:
    """The name with its type: `nginx` is `nginx.service`."""
    return unit if unit.rpartition(".")[2] in _TYPES and "." in unit else f"{unit}.service"


def show_argv(unit: str) -> list[str]:
    """Ask for the state of a unit; needs no rights."""
    return [SYSTEMCTL, "show", *(f"--property={name}" for name in _PROPERTIES), full_name(unit)]


def reset_argv(unit: str) -> list[str]:
    """Forget that it failed and was restarted: before that, a unit that hit its start limit cannot start."""
    return [SYSTEMCTL, "reset-failed", full_name(unit)]


def restart_argv(unit: str) -> list[str]:
    """Stop it, if it runs, and start it; ends when it has started."""
    return [SYSTEMCTL, "restart", full_name(unit)]


def show(unit: str, timeout: float) -> UnitState:
    """The state of a unit. Raises ProbeError, also for a unit that cannot be started at all."""
    if not os.path.exists(SYSTEMCTL):
        raise ProbeError(f"systemd is not installed: there is no {SYSTEMCTL}")
    try:
        text = capture(show_argv(unit), timeout, env=rights.english_environment()).decode("utf-8", "replace")
    except TimedOutError:
        raise ProbeError(f"systemd did not answer within {timeout:g} s") from None
    except RepairError as error:
        raise ProbeError(str(error)) from None
    return parse_show(unit, text)


def parse_show(unit: str, text: str) -> UnitState:
    """The state as `show_argv` prints it. Pure. Raises ProbeError."""
    name = full_name(unit)
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    load = values.get("LoadState", "")
    if load == "not-found":
        raise ProbeError(f"there is no unit named {name}")
    if load == "masked":
        raise ProbeError(f"{name} is masked: systemctl unmask {name}, or switch this repair off")
    if load != "loaded":
        raise ProbeError(f"{name} cannot be loaded ({load or 'no answer'}): systemctl status {name} says why")
    try:
        return UnitState(
            name=name,
            load=load,
            active=values["ActiveState"],
            sub=values["SubState"],
            result=values.get("Result", ""),
            runs_once=values.get("Type") == "oneshot" and values.get("RemainAfterExit") != "yes",
            restarts=_number(values, "NRestarts"),
            exit_code=_number(values, "ExecMainStatus"),
            active_since=_number(values, "ActiveEnterTimestampMonotonic") / 1e6,
            starting_since=_number(values, "InactiveExitTimestampMonotonic") / 1e6,
            stopping_since=_number(values, "ActiveExitTimestampMonotonic") / 1e6,
        )
    except (KeyError, ValueError):
        raise ProbeError(f"systemd's answer about {name} is not understood") from None


def _number(values: Mapping[str, str], name: str) -> int:
    """A count or microseconds; what this type of unit has not is 0."""
    return int(values.get(name) or 0)
