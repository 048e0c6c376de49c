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
    """The settings of a container probe that knows the container's name alone. Pure."""
    settings: Mapping[str, Any] = with_defaults(
        {"kind": "container", "container": name}, kind_schema("container")
    )
    return settings


def check(settings: Mapping[str, Any], home: str) -> Observation:
    problems: list[str] = []
    containers: dict[str, str] = {}
    for name in settings["containers"]:
        container = container_settings(name)
        try:
            finding = run_probe(kinds.probe_of(container, home), container["probe_timeout"])
            healthy, summary = finding.healthy, finding.summary
        except ProbeError as error:
            healthy, summary = False, f"cannot tell: {error}"
        containers[name] = summary
        if not healthy:
            problems.append(f"{name}: {summary}")
    return Observation(
        count_text(len(containers), "container"), tuple(problems), details={"containers": containers}
    )
