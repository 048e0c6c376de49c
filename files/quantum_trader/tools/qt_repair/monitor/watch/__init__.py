"""What the monitor can watch, a folder a kind: it is enough to add one. Only `monitor` imports this.

A folder holds `watcher.py` (WATCHER), `schema.json`, and an `__init__.py` that names the settings which
say what is watched (OBJECT). Its modules are imported when they are used.
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
    """The name of a threshold that was given none: its kind and its object, as in `disk /`. Pure."""
    package = importlib.import_module(f"qt_repair.monitor.watch.{kind}")
    named = getattr(package, "default_name", None)
    if named is not None:
        return cast(str, named(settings))
    return " ".join([kind, *(str(settings[key]) for key in package.OBJECT)])


def watcher_of(kind: str, settings: Mapping[str, Any], install_dir: str) -> Watcher:
    """The watcher of a threshold, from its checked settings. `base` is what tools/ and scripts/ are in."""
    made = importlib.import_module(f"qt_repair.monitor.watch.{kind}.watcher").WATCHER
    return cast("Watcher", made(settings, install_dir))
