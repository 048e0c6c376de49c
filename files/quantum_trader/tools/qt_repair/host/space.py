"""The free space of a file system, and its mount point."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Space:
    """The space of a file system without root's reserve, in bytes, and its inodes."""

    free: int
    size: int
    """Used and free space without root's reserve: the 100 % of `df`."""
    inodes_free: int
    inodes: int
    """0 if the file system creates inodes as it needs them."""

    @property
    def free_percent(self) -> float:
        return 100 * self.free / self.size if self.size else 100.0

    @property
    def used_percent(self) -> float:
        return 100 - self.free_percent

    @property
    def inodes_free_percent(self) -> float:
        return 100 * self.inodes_free / self.inodes if self.inodes else 100.0


def space_of(path: str) -> Space:
    """The space of the file system that `path` is on. Raises OSError."""
    found = os.statvfs(path)
    used = found.f_blocks - found.f_bfree
    return Space(
        free=found.f_bavail * found.f_frsize,
        size=(used + found.f_bavail) * found.f_frsize,
        inodes_free=found.f_favail,
        inodes=found.f_files,
    )


def mount_points() -> set[str]:
    """The mount points that this process sees."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return {_unescaped(line.split(" ")[4]) for line in file}


def mount_of(path: str) -> str:
    """The mount point of the file system that `path` is on. Links are followed."""
    mounts, path = mount_points(), os.path.realpath(path)
    while path not in mounts and path != "/":
        path = os.path.dirname(path)
    return path


def _unescaped(text: str) -> str:
    """The kernel escapes a space, a tab, a newline and a backslash as \\ooo."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
