"""What can be watched, one module a kind: the one place that lists them. Imported when a kind is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from qt_repair.watch.watcher import Watcher

KINDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "cpu": ("processor", "Cpu", ()),
    "load": ("processor", "Load", ()),
    "memory": ("memory", "Memory", ()),
    "swap": ("memory", "Swap", ()),
    "disk": ("space", "Disk", ("mount",)),
    "inodes": ("space", "Inodes", ("mount",)),
    "pressure": ("pressure", "Pressure", ("resource", "share")),
    "process": ("processes", "Process", ("process",)),
    "unit": ("unit", "Unit", ("unit",)),
    "container": ("container", "Container", ("container",)),
    "http": ("http", "Http", ("url",)),
    "tcp": ("tcp", "Tcp", ("host", "port")),
    "repair": ("repair", "Repair", ("repair",)),
}
"""Kind -> its module here, its class there, and the settings that name its object."""


def default_name(kind: str, settings: Mapping[str, Any]) -> str:
    """The name of a threshold that was given none: its kind and its object, as in `disk /`. Pure."""
    if kind == "http":  # a query may hold a secret
        from qt_repair.http_check import shown

        return shown(settings["url"])
    words = [str(settings.get(key, "")) for key in KINDS[kind][2]]
    return " ".join([kind, ":".join(words) if kind == "tcp" else " ".join(words)]).strip()


def watcher_of(kind: str, settings: Mapping[str, Any], base: str) -> Watcher:
    """The watcher of a threshold, from its checked settings. `base` is what tools/ and scripts/ are in."""
    module, name, _ = KINDS[kind]
    made = getattr(importlib.import_module(f"qt_repair.watch.{module}"), name)
    return cast("Watcher", made(settings, base))
