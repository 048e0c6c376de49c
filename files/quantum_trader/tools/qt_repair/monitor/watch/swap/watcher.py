"""The used swap, in percent."""

from __future__ import annotations

from qt_repair.monitor.watch.memory.watcher import Memory


class Swap(Memory):
    """The used swap; 0 % without swap."""

    _total, _free = b"SwapTotal", b"SwapFree"


WATCHER = Swap
