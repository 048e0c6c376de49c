"""The used inodes of a mount, in percent."""

from __future__ import annotations

import os

from qt_repair.monitor.watch.disk.watcher import Disk


class Inodes(Disk):
    """The used inodes; a file system without a limit of inodes uses 0 %."""

    def _counts(self, now: os.statvfs_result) -> tuple[int, int]:
        return now.f_files - now.f_ffree, now.f_favail


WATCHER = Inodes
