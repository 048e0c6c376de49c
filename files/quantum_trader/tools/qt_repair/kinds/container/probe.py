"""Check that a container runs, is healthy by its own health check, and that its address answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, ProbeError
from qt_repair.host import docker
from qt_repair.host.docker import ContainerState
from qt_repair.host.http import check_url, url_problem

_STATUS = {
    "exited": "is not running (exit code {code})",
    "created": "was never started",
    "paused": "is paused",
    "restarting": "is restarting in circles (exit code {code})",
    "removing": "is being removed",
    "dead": "is dead",
}


class ContainerProbe:
    """One container, by its name."""

    def __init__(self, settings: Mapping[str, Any], home: str) -> None:
        self._name: str = settings["container"]
        self._url: str | None = settings.get("url")
        self._expect: Mapping[str, Any] = settings.get("expect") or {}
        self._url_timeout: float = settings["url_timeout"]

    def check(self, timeout: float) -> Finding:
        """Docker's state first, then the address. Raises ProbeError.

        While a health check has not decided yet, the state is unknown: nothing is repaired. After a repair
        the probe is repeated until `patience` is over.
        """
        deadline = time.monotonic() + timeout
        state = docker.inspect(self._name, timeout)
        found = finding_of(self._name, state)
        if not found.healthy or self._url is None:
            return found
        left = min(self._url_timeout, deadline - time.monotonic())
        if left <= 0:
            raise ProbeError(f"Docker took {timeout:g} s to answer; no time was left for the address")
        answer = check_url(self._url, left, self._expect)
        return Finding(
            answer.healthy, f"{found.summary}; {answer.summary}", {**found.details, "http": answer.details}
        )


def finding_of(name: str, state: ContainerState) -> Finding:
    """The finding about Docker's state. Pure. Raises ProbeError while it is starting or being removed."""
    details = {"container": name, **state.as_dict()}
    if state.status == "removing":
        raise ProbeError(f"{name} is being removed")
    if state.status != "running":
        text = _STATUS.get(state.status, f"is {state.status}").format(code=state.exit_code)
        killed = ", killed for want of memory" if state.oom_killed else ""
        return Finding(False, f"{name} {text}{killed}", details)
    if state.health == "starting":
        raise ProbeError(f"{name} is starting: its health check has not decided yet")
    if state.health == "unhealthy":
        return Finding(False, f"{name} runs, but its health check fails", details)
    return Finding(True, f"{name} runs" + (" and is healthy" if state.health else ""), details)


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The faults in the settings that the schema cannot name. Pure."""
    found, url = [], settings.get("url")
    problem = None if url is None else url_problem(url)
    if problem is not None:
        found.append(("url", problem))
    if url is None and settings.get("expect"):
        found.append(("expect", "needs url beside it"))
    if settings["stop_timeout"] >= settings["timeout"]:
        found.append(("stop_timeout", f"must be below timeout ({settings['timeout']:g} s)"))
    return found


PROBE = ContainerProbe
