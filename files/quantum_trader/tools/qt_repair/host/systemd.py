"""Ask systemd about a unit, which any account may do, and restart one by sudo."""

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
    """systemd's state of a unit. Times are seconds of the monotonic clock; 0 means never."""

    name: str
    load: str
    """loaded, not-found, masked, bad-setting, error."""
    active: str
    """active, reloading, inactive, failed, activating, deactivating, maintenance."""
    sub: str
    result: str
    """success, or why it failed: exit-code, signal, timeout, start-limit-hit, oom-kill …"""
    runs_once: bool
    """Whether it does its work, ends and is not active afterwards (Type=oneshot)."""
    restarts: int
    """How often systemd restarted it since it was last started or restarted by hand."""
    exit_code: int
    active_since: float
    starting_since: float
    stopping_since: float

    def as_dict(self) -> dict[str, Any]:
        plain = {"unit": self.name, "active": self.active, "sub": self.sub, "result": self.result}
        return {**plain, "restarts": self.restarts, "exit_code": self.exit_code}


def full_name(unit: str) -> str:
    """The name with its type: `nginx` becomes `nginx.service`."""
    return unit if unit.rpartition(".")[2] in _TYPES and "." in unit else f"{unit}.service"


def show_argv(unit: str) -> list[str]:
    """Print the state of a unit; needs no privileges."""
    return [SYSTEMCTL, "show", *(f"--property={name}" for name in _PROPERTIES), full_name(unit)]


def reset_argv(unit: str) -> list[str]:
    """Reset its failures and restarts: a unit that hit its start limit cannot start before."""
    return [SYSTEMCTL, "reset-failed", full_name(unit)]


def restart_argv(unit: str) -> list[str]:
    """Stop it if it runs, and start it; the command ends when the unit has started."""
    return [SYSTEMCTL, "restart", full_name(unit)]


def show(unit: str, timeout: float) -> UnitState:
    """The state of a unit. Raises ProbeError, also if the unit cannot be started at all."""
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
    """The state from the output of `show_argv`. Pure. Raises ProbeError."""
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
    """A count, or microseconds; 0 if this type of unit has none."""
    return int(values.get(name) or 0)
