"""Run Docker's command line through sudo. Membership in its group would equal root, so nobody gets it.

Each command is written here once: the code runs it, and sudoers names it. Tested with Docker 20.10
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
"""Docker's own rule for the name of a container. A name cannot be taken for an option."""
_EVENTS = ("die", "stop", "kill", "oom", "pause", "unpause", "start", "destroy", "rename", "health_status")


@dataclass(frozen=True)
class ContainerState:
    """Docker's state of a container."""

    status: str
    """created, running, paused, restarting, removing, exited or dead."""
    health: str | None
    """starting, healthy or unhealthy; None if the container has no health check."""
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
    """An event of a container."""

    container: str
    action: str
    """die, stop, kill, oom, pause, unpause, start, destroy, rename, or health_status."""
    health: str | None
    """healthy or unhealthy for a health_status, else None."""
    exit_code: int | None
    """For a die, else None."""
    time: float
    """Seconds since the epoch, by Docker's clock."""


# The commands: exact argument lists.


def inspect_argv(container: str) -> list[str]:
    """Print name and state of a container, and nothing else: its environment may hold secrets."""
    template = "{{.Name}} {{json .State}}"
    return [DOCKER, "inspect", "--type", "container", "--format", template, container]


def restart_argv(container: str, stop_timeout: int) -> list[str]:
    """Restart a container in any state. It is killed if it does not stop within `stop_timeout` seconds."""
    return [DOCKER, "restart", "--time", str(stop_timeout), container]


def usage_argv() -> list[str]:
    """Print what takes up Docker's storage, item by item.

    Docker 20.10 does not know `--format json`: it prints the word.
    """
    return [DOCKER, "system", "df", "--verbose", "--format", "{{json .}}"]


def prune_images_argv(older_than: str) -> list[str]:
    """Remove dangling images (no tag, no container) that are older than `older_than`."""
    return [DOCKER, "image", "prune", "--force", "--filter", f"until={older_than}"]


def prune_builds_argv(older_than: str) -> list[str]:
    """Remove build cache that no image shares and that was not used within `older_than`."""
    return [DOCKER, "builder", "prune", "--force", "--filter", f"until={older_than}"]


def events_argv() -> list[str]:
    """Print the events of containers from now on, a line each, until it is ended.

    End it by SIGTERM to the process of sudo, which passes it on to Docker. SIGKILL would not reach that.
    """
    filters = [word for event in _EVENTS for word in ("--filter", f"event={event}")]
    return [DOCKER, "events", "--filter", "type=container", *filters, "--format", "{{json .}}"]


def events_privileges() -> list[list[str]]:
    """The argument lists that must be allowed as root to follow the events."""
    return [events_argv()]


# Running them.


def run_docker(argv: Sequence[str], timeout: float) -> str:
    """Run Docker's program: its output. Raises ProbeError with a remedy, RepairError if Docker refuses."""
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
    """The state of a container. Raises ProbeError, also if there is no container of this name."""
    try:
        text = run_docker(inspect_argv(container), timeout)
    except RepairError as error:
        if re.search(r"No such (container|object)", error.output):
            raise ProbeError(f"there is no container named {container}: a restart cannot make one") from None
        raise ProbeError(str(error)) from None
    return parse_state(container, text)


def parse_state(container: str, text: str) -> ContainerState:
    """The state from the output of `inspect_argv`. Pure. Raises ProbeError.

    Docker also accepts the beginning of an id as a name: then the container's own name differs.
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
    """The event from a line of `events_argv`; None if the line is no event of a container. Pure."""
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
