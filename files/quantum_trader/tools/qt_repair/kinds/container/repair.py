"""Restart a container."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from qt_repair.finding import Finding, Probe, ProbeError, RepairError, RepairResult
from qt_repair.host import docker

_INSPECT_S = 10.0


class RestartContainer:
    """`docker restart`: it also starts a container that has ended or is paused."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._name: str = settings["container"]
        self._title: str = settings.get("title") or self._name[:1].upper() + self._name[1:]
        self._stop_timeout: int = settings["stop_timeout"]

    def intent(self, finding: Finding) -> str:
        return f"Auto-repair: Restarting {self._title} container"

    def sentence(self, finding: Finding) -> str:
        return f"Auto-repair: Restarted {self._title} container"

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Restart it. Raises RepairError with Docker's own words."""
        begin = time.monotonic()
        try:
            docker.run_docker(docker.restart_argv(self._name, self._stop_timeout), timeout)
        except ProbeError as error:
            raise RepairError(str(error)) from None
        details: dict[str, Any] = {"container": self._name, "state_before": dict(finding.details)}
        details["duration_s"] = round(time.monotonic() - begin, 3)
        with suppress(ProbeError):  # the probe, which follows, will report it
            details["state_after"] = docker.inspect(self._name, _INSPECT_S).as_dict()
        return RepairResult(self.sentence(finding), details)


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that are run as root. Pure."""
    name = settings["container"]
    return [docker.inspect_argv(name), docker.restart_argv(name, settings["stop_timeout"])]


REPAIR = RestartContainer
