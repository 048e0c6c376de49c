"""Limits of the kernel that all machines share: they all run as this machine's root."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

MAX_INOTIFY_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
# A booted machine with the monitor and Docker holds a dozen or more. A kernel's default is 128 a user, so
# the ninth machine hangs half way up, and path units on the others fail to start.
INOTIFY_INSTANCES = 1024


def make_room() -> None:
    """Raise, until this machine reboots, what many machines at once would exhaust; never lowers it.

    Where that is not allowed (a container whose /proc/sys is read-only) a few machines still run.
    """
    with suppress(OSError):
        if int(MAX_INOTIFY_INSTANCES.read_text()) < INOTIFY_INSTANCES:
            MAX_INOTIFY_INSTANCES.write_text(f"{INOTIFY_INSTANCES}\n")
