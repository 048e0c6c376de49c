"""The kinds of threshold, a folder each: adding a folder adds a kind. Only `monitor` imports this.

A folder holds
- `__init__.py`: OBJECT, the settings that make the name of a threshold, or `default_name(settings)`
- `watcher.py`: WATCHER
- `schema.json`: its keys, and a description
- `reference.md`: its section of the reference, with an example

Its modules are imported on first use.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from qt_audit.discovery import folders

if TYPE_CHECKING:
    from qt_repair.monitor.watcher import Watcher

KINDS = folders(__file__, "schema.json")


def default_name(kind: str, settings: Mapping[str, Any]) -> str:
    """The name of a threshold without a `name`: its kind and its object, as in `disk /`. Pure."""
    package = importlib.import_module(f"qt_repair.monitor.watch.{kind}")
    named = getattr(package, "default_name", None)
    if named is not None:
        return cast(str, named(settings))
    return " ".join([kind, *(str(settings[key]) for key in package.OBJECT)])


def watcher_of(kind: str, settings: Mapping[str, Any], install_dir: str) -> Watcher:
    """The watcher of a threshold, from its checked settings. `install_dir` holds tools/ and scripts/."""
    made = importlib.import_module(f"qt_repair.monitor.watch.{kind}.watcher").WATCHER
    return cast("Watcher", made(settings, install_dir))
