"""Inodes of a mount, in percent used."""

from __future__ import annotations

import os

from qt_repair.monitor.watch.disk.watcher import Disk


class Inodes(Disk):
    """Inodes; a file system that has no limit of them uses none."""

    def _counts(self, now: os.statvfs_result) -> tuple[int, int]:
        return now.f_files - now.f_ffree, now.f_favail


WATCHER = Inodes
