"""The kinds of repair: the one place that lists them. A kind's modules are imported when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, cast

from qt_repair.finding import Probe, Repair

KINDS: Mapping[str, tuple[str, str]] = {
    "postgres_database": ("DatabaseProbe", "CreateDatabase"),
    "xgboost_model": ("ModelProbe", "RetrainModel"),
    "container": ("ContainerProbe", "RestartContainer"),
    "docker_cache": ("CacheProbe", "PruneCache"),
    "systemd_service": ("ServiceProbe", "RestartService"),
    "disk_space": ("SpaceProbe", "FreeSpace"),
    "command": ("CommandProbe", "RunCommand"),
}
"""Kind -> its class in probes/<kind>.py and its class in repairs/<kind>.py."""


def probe_of(settings: Mapping[str, Any], home: str) -> Probe:
    """The probe of a repair, from its validated settings. `home` is QT_HOME."""
    kind = settings["kind"]
    return cast(Probe, getattr(_probes(kind), KINDS[kind][0])(settings, home))


def repair_of(settings: Mapping[str, Any], home: str, probe: Probe) -> Repair:
    """The repair itself, beside its probe."""
    kind = settings["kind"]
    return cast(Repair, getattr(_repairs(kind), KINDS[kind][1])(settings, home, probe))


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that probe and repair run as root. Pure."""
    return cast("list[list[str]]", _repairs(settings["kind"]).privileges(settings))


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong in a kind's settings that its schema cannot say: (path below the repair, text). Pure."""
    check = getattr(_probes(settings["kind"]), "problems", None)
    return [] if check is None else cast("list[tuple[str, str]]", check(settings))


def _probes(kind: str) -> Any:
    return importlib.import_module(f"qt_repair.probes.{kind}")


def _repairs(kind: str) -> Any:
    return importlib.import_module(f"qt_repair.repairs.{kind}")
