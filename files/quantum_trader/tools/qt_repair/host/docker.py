"""Ask Docker, through its own program and through sudo: its group is as good as root, and so nobody joins it.

What is asked is written here once: the code runs it, and sudoers names it. Tried with Docker 20.10
(bookworm) and 26.1 (trixie), with and without buildx.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qt_repair.finding import ProbeError, RepairError
from qt_repair.host import rights
from qt_repair.host.process import TimedOutError, as_root, capture

DOCKER = "/usr/bin/docker"
NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}"
"""Docker's own rule for the name of a container: it can begin no option."""
_EVENTS = ("die", "stop", "kill", "oom", "pause", "unpause", "start", "destroy", "rename", "health_status")


@dataclass(frozen=True)
class ContainerState:
    """What Docker knows of a container."""

    status: str
    """created, running, paused, restarting, removing, exited or dead."""
    health: str | None
    """starting, healthy or unhealthy; None where the container has no health check."""
    exit_code: int
    oom_killed: bool
    error: str

    def as_dict(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"status": self.status, "exit_code": self.exit_code}
        if self.oom_killed:
            plain["oom_killed"] = True
        if self.health is not None:
            plain["health"] = self.health
        if self.error:
            plain["error"] = self.error
        return plain


@dataclass(frozen=True)
class ContainerEvent:
    """Something that happened to a container."""

    container: str
    action: str
    """die, stop, kill, oom, pause, unpause, start, destroy, rename, or health_status."""
    health: str | None
    """healthy or unhealthy, of a health_status."""
    exit_code: int | None
    """Of a die."""
    time: float
    """Seconds since the epoch, by Docker's clock."""


# What is asked: exact argument lists.


def inspect_argv(container: str) -> list[str]:
    """Name and state of a container. Nothing else of it is printed: its environment may hold secrets."""
    template = "{{.Name}} {{json .State}}"
    return [DOCKER, "inspect", "--type", "container", "--format", template, container]


def restart_argv(container: str, stop_timeout: int) -> list[str]:
    """Restart a container, whatever state it is in; it gets `stop_timeout` seconds to end by itself."""
    return [DOCKER, "restart", "--time", str(stop_timeout), container]


def usage_argv() -> list[str]:
    """What takes up Docker's storage, item by item.

    `--format json` is not known to 20.10: it prints the word.
    """
    return [DOCKER, "system", "df", "--verbose", "--format", "{{json .}}"]


def prune_images_argv(older_than: str) -> list[str]:
    """Remove dangling images (no tag, no container) that were made longer ago than `older_than`."""
    return [DOCKER, "image", "prune", "--force", "--filter", f"until={older_than}"]


def prune_builds_argv(older_than: str) -> list[str]:
    """Remove build cache that no image shares and that was not used for `older_than`."""
    return [DOCKER, "builder", "prune", "--force", "--filter", f"until={older_than}"]


def events_argv() -> list[str]:
    """The stream of what happens to containers from now on, a line each, until it is ended.

    Ending it: SIGTERM to sudo's process reaches Docker's program (sudo keeps the user that called it as its
    real user and hands signals on); SIGKILL would leave that behind.
    """
    filters = [word for event in _EVENTS for word in ("--filter", f"event={event}")]
    return [DOCKER, "events", "--filter", "type=container", *filters, "--format", "{{json .}}"]


def events_privileges() -> list[list[str]]:
    """The argument lists that following the events runs as root."""
    return [events_argv()]


# Asking.


def run_docker(argv: Sequence[str], timeout: float) -> str:
    """What Docker's program prints. Raises ProbeError with a remedy; RepairError for what Docker refuses."""
    if not os.path.exists(argv[0]):
        raise ProbeError(f"Docker is not installed: there is no {argv[0]}")
    command = as_root(argv)
    try:
        return capture(command, timeout, env=rights.english_environment()).decode("utf-8", "replace")
    except TimedOutError:
        raise ProbeError(f"Docker did not answer within {timeout:g} s") from None
    except RepairError as error:
        if rights.sudo_refused(command, error):
            raise ProbeError(rights.refusal_text(command)) from None
        if "Cannot connect to the Docker daemon" in error.output:
            raise ProbeError(
                "Docker does not run: systemctl start docker, or let a systemd_service repair do so"
            ) from None
        raise


def inspect(container: str, timeout: float) -> ContainerState:
    """The state of a container. Raises ProbeError, also where there is none of this name."""
    try:
        text = run_docker(inspect_argv(container), timeout)
    except RepairError as error:
        if re.search(r"No such (container|object)", error.output):
            raise ProbeError(f"there is no container named {container}: a restart cannot make one") from None
        raise ProbeError(str(error)) from None
    return parse_state(container, text)


def parse_state(container: str, text: str) -> ContainerState:
    """The state as `inspect_argv` prints it. Pure. Raises ProbeError.

    Docker also takes the beginning of an id for a name: another container than the named one is none.
    """
    name, _, rest = text.strip().partition(" ")
    if name != f"/{container}":
        raise ProbeError(f"there is no container named {container}: it is the id of {name.lstrip('/')}")
    try:
        state = json.loads(rest)
        health = state.get("Health") or {}
        return ContainerState(
            status=str(state["Status"]),
            health=None if health.get("Status") in (None, "", "none") else str(health["Status"]),
            exit_code=int(state.get("ExitCode", 0)),
            oom_killed=bool(state.get("OOMKilled")),
            error=str(state.get("Error", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ProbeError(f"Docker's answer about {container} is not understood") from None


def parse_event(line: str | bytes) -> ContainerEvent | None:
    """An event as `events_argv` prints it; None for a line that is none. Pure."""
    try:
        value = json.loads(line)
        if value["Type"] != "container":
            return None
        name = value["Actor"]["Attributes"]["name"]
        action, _, health = value["Action"].partition(": ")
        code = value["Actor"]["Attributes"].get("exitCode")
        moment = value["timeNano"] / 1e9 if "timeNano" in value else float(value["time"])
        return ContainerEvent(name, action, health or None, None if code is None else int(code), moment)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
