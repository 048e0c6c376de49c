"""The kinds of repair, a folder each: adding a folder adds a kind.

`config` and the packages above it may import this.

A folder holds
- `probe.py`: PROBE, and `problems(settings)` if the schema cannot say everything
- `repair.py`: REPAIR and `privileges(settings)`
- `schema.json`: its keys, and two phrases for README's table (`x-looks-at`, `x-repairs-by`)
- `reference.md`: its section of the reference, with an example
- what only this kind needs

Its modules are imported on first use.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, cast

from qt_audit.discovery import folders
from qt_repair.finding import Probe, Repair

KINDS = folders(__file__, "schema.json")


def probe_of(settings: Mapping[str, Any], home: str) -> Probe:
    """The probe of a repair, from its checked settings. `home` is QT_HOME."""
    return cast(Probe, _module(settings, "probe").PROBE(settings, home))


def repair_of(settings: Mapping[str, Any], home: str, probe: Probe) -> Repair:
    """The repair, from its checked settings. `home` is QT_HOME."""
    return cast(Repair, _module(settings, "repair").REPAIR(settings, home, probe))


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that the probe and the repair run as root. Pure."""
    return cast("list[list[str]]", _module(settings, "repair").privileges(settings))


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The faults in a repair's settings that its schema cannot name: (path below the repair, text). Pure."""
    check = getattr(_module(settings, "probe"), "problems", None)
    return [] if check is None else cast("list[tuple[str, str]]", check(settings))


def _module(settings: Mapping[str, Any], name: str) -> Any:
    return importlib.import_module(f"qt_repair.kinds.{settings['kind']}.{name}")
