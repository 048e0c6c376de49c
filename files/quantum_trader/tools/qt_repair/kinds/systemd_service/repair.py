"""Restart a unit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from qt_repair.finding import Finding, Probe, ProbeError, RepairError, RepairResult
from qt_repair.host import rights, systemd
from qt_repair.host.process import Completed, as_root, run

_SETTLE_S = 3.0
"""Seconds that it must stay up: a unit that ends at once is "active" for a moment, too."""
_PAUSE_S = 0.5
_INSPECT_S = 10.0


class RestartService:
    """`systemctl restart`, after `reset-failed`: otherwise a unit that hit its start limit stays down."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._unit: str = settings["unit"]

    def intent(self, finding: Finding) -> str:
        return f"Auto-repair: Restarting service {self._unit}"

    def sentence(self, finding: Finding) -> str:
        return f"Auto-repair: Restarted service {self._unit}"

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Restart it and check that it stays up. Raises RepairError."""
        begin = time.monotonic()
        _run_as_root(systemd.reset_argv(self._unit), timeout)  # fails if there is nothing to reset
        done = _run_as_root(systemd.restart_argv(self._unit), max(1.0, begin + timeout - time.monotonic()))
        if done.exit_code != 0:
            said = done.shown_output
            why = f": {said.splitlines()[0]}" if said else ""
            raise RepairError(f"systemctl restart ended with {done.exit_code}{why}", done.exit_code, said)
        details: dict[str, Any] = {"state_before": dict(finding.details)}
        details["duration_s"] = round(time.monotonic() - begin, 3)
        with suppress(ProbeError):  # the probe, which follows, will report it
            details["state_after"] = self._state_after_settling().as_dict()
        return RepairResult(self.sentence(finding), details)

    def _state_after_settling(self) -> systemd.UnitState:
        """Its state after some seconds. Raises RepairError if it does not stay up, and ProbeError."""
        deadline = time.monotonic() + _SETTLE_S
        while True:
            unit = systemd.show(self._unit, _INSPECT_S)
            if unit.restarts or unit.active == "failed":
                raise RepairError(f"{unit.name} started and ended again at once", 1)
            if time.monotonic() >= deadline:
                return unit
            time.sleep(_PAUSE_S)


def _run_as_root(argv: list[str], timeout: float) -> Completed:
    command = as_root(argv)
    done = run(command, timeout, env=rights.english_environment())
    if done.exit_code and command != argv and rights.is_sudo_refusal(done.output):
        raise RepairError(rights.refusal_text(command), done.exit_code, done.shown_output)
    return done


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that are run as root. Pure."""
    return [systemd.reset_argv(settings["unit"]), systemd.restart_argv(settings["unit"])]


REPAIR = RestartService
