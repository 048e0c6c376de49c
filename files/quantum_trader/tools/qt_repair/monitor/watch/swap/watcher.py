"""Swap, in percent used."""

from __future__ import annotations

from qt_repair.monitor.watch.memory.watcher import Memory


class Swap(Memory):
    """Swap; where there is none, none is used."""

    _total, _free = b"SwapTotal", b"SwapFree"


WATCHER = Swap
