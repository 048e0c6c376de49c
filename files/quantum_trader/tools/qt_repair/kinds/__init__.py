"""The kinds of repair, a folder each: it is enough to add one. `config` and what is above it may import this.

A folder holds `probe.py` (PROBE, and `problems(settings)` where its schema cannot say everything),
`repair.py` (REPAIR and `privileges(settings)`), `schema.json`, and what only this kind needs.
Its modules are imported when they are used.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, cast

from qt_audit.discovery import folders
from qt_repair.finding import Probe, Repair

KINDS = folders(__file__, "schema.json")


def probe_of(settings: Mapping[str, Any], home: str) -> Probe:
    """The probe of a repair, from its validated settings. `home` is QT_HOME."""
    return cast(Probe, _module(settings, "probe").PROBE(settings, home))


def repair_of(settings: Mapping[str, Any], home: str, probe: Probe) -> Repair:
    """The repair itself, beside its probe."""
    return cast(Repair, _module(settings, "repair").REPAIR(settings, home, probe))


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that probe and repair run as root. Pure."""
    return cast("list[list[str]]", _module(settings, "repair").privileges(settings))


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong in a kind's settings that its schema cannot say: (path below the repair, text). Pure."""
    check = getattr(_module(settings, "probe"), "problems", None)
    return [] if check is None else cast("list[tuple[str, str]]", check(settings))


def _module(settings: Mapping[str, Any], name: str) -> Any:
    return importlib.import_module(f"qt_repair.kinds.{settings['kind']}.{name}")
