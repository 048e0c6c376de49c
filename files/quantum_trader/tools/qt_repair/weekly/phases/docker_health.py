"""Docker health check: each expected container runs, and is healthy where it has a health check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair import kinds
from qt_repair.config.schema import kind_schema, with_defaults
from qt_repair.engine.probe_runner import run_probe
from qt_repair.finding import ProbeError
from qt_repair.weekly.observation import Observation, count_text

MISSING = "name the containers that must run in phases.docker_health.containers"
REMEDY = (
    "Look at `docker ps --all` and `docker logs NAME`; `auto_repair_system.py` restarts what it is told to."
)


def plan(settings: Mapping[str, Any]) -> list[str]:
    return [f"{name}: runs, and is healthy" for name in settings["containers"]]


def container_settings(name: str) -> Mapping[str, Any]:
    """What the container probe is told of a container of which only the name is known. Pure."""
    settings: Mapping[str, Any] = with_defaults(
        {"kind": "container", "container": name}, kind_schema("container")
    )
    return settings


def check(settings: Mapping[str, Any], home: str) -> Observation:
    problems: list[str] = []
    containers: dict[str, str] = {}
    for name in settings["containers"]:
        one = container_settings(name)
        try:
            found = run_probe(kinds.probe_of(one, home), one["probe_timeout"])
            healthy, says = found.healthy, found.summary
        except ProbeError as error:
            healthy, says = False, f"cannot tell: {error}"
        containers[name] = says
        if not healthy:
            problems.append(f"{name}: {says}")
    return Observation(
        count_text(len(containers), "container"), tuple(problems), details={"containers": containers}
    )
