"""The used space or inodes of a mount, in percent; in a thread, since a mount without its server may hang."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qt_repair.monitor.thresholds import Reading, limit_reading, unknown_reading
from qt_repair.monitor.watcher import ThreadWatcher


class Disk(ThreadWatcher):
    """The used share as `df` shows it: of the space without root's reserve."""

    timeout = 10.0
    unit = "%"

    def __init__(self, settings: Mapping[str, Any], install_dir: str) -> None:
        super().__init__(settings, install_dir)
        self.limit = settings["trigger"]

    def read(self) -> Reading:
        mount = self.settings["mount"]
        if not os.path.ismount(mount):
            return unknown_reading(f"{mount} is not a mount point: mount it, or correct the threshold")
        used, free = self._counts(os.statvfs(mount))
        percent = 100 * used / (used + free) if used + free else 0.0
        return limit_reading(
            percent, self.settings["trigger"], self.settings["clear"], f"{percent:.1f} % used"
        )

    def _counts(self, now: os.statvfs_result) -> tuple[int, int]:
        return now.f_blocks - now.f_bfree, now.f_bavail


WATCHER = Disk
