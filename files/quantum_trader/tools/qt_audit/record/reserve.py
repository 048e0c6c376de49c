"""A megabyte kept back in status/, for the day on which the disk is full: then it is given up.

A full disk is what most needs to be recorded, and nothing is repaired that cannot be. What is
written before a repair takes a few kilobytes; whoever filled the disk has as a rule ended by then.
"""

from __future__ import annotations

import errno
import os

from qt_audit.record.place import DIRECTORY_FLAGS, Place, open_file
from qt_audit.record.warning import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

NAME = ".reserve"
SIZE = 1 << 20
"""Bytes that are kept back."""
PLENTY = 16 * SIZE
"""Bytes that must be free for it."""
_ENOUGH = 1 << 16
_NEW = f"{NAME}.new"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def keep(home: Place) -> None:
    """Keep it back, where it is not and plenty is free. Best effort: where that fails, all is as before."""
    if os.path.lexists(f"{home.status_path}/{NAME}"):
        return
    try:
        status = os.open(home.status_path, DIRECTORY_FLAGS)
        try:
            if _free(status) >= PLENTY:
                _make(status)
        finally:
            os.close(status)
    except OSError:
        return


def with_room(place: Place, work: Callable[[], T]) -> T:
    """Do it; where the disk is full, give the reserve of this home up and do it again."""
    try:
        return work()
    except OSError as error:
        if error.errno not in _FULL or not (place.is_home and _makes_room(place)):
            raise
        return work()


def _makes_room(home: Place) -> bool:
    """Whether it is worth another try."""
    try:
        status = os.open(home.status_path, DIRECTORY_FLAGS)
        try:
            return _give_up(status) or _free(status) >= _ENOUGH  # or another writer was quicker
        finally:
            os.close(status)
    except OSError:
        return False


def _make(status: int) -> None:
    """Whole or not at all."""
    try:  # noqa: SIM105 - recording loads no contextlib
        os.unlink(_NEW, dir_fd=status)  # left by one that was killed
    except FileNotFoundError:
        pass
    descriptor, _ = open_file(_NEW, status, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, SIZE)
        os.rename(_NEW, NAME, src_dir_fd=status, dst_dir_fd=status)
    except OSError:
        os.unlink(_NEW, dir_fd=status)
        raise
    finally:
        os.close(descriptor)


def _give_up(status: int) -> bool:
    try:
        os.unlink(NAME, dir_fd=status)
    except FileNotFoundError:
        return False
    os.fsync(status)  # ext4 gives room out again only after that
    warn("the disk is full: the megabyte that is kept back for this in status/ is given up")
    return True


def _free(directory: int) -> int:
    """Bytes that an account without root's reserve may still take."""
    found = os.fstatvfs(directory)
    return found.f_bavail * found.f_frsize
