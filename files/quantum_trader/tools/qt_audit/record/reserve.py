"""A reserve file of one megabyte in status/. When the disk is full it is removed, so that entries fit.

A full disk must be recorded before it can be repaired. The entries before a repair take a few kilobytes, and
as a rule the program that filled the disk has failed by then.
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
"""Bytes of the reserve."""
MIN_FREE = 16 * SIZE
"""Bytes that must be free for the reserve to be created."""
_MIN_FREE_TO_RETRY = 1 << 16
_TEMPORARY = f"{NAME}.new"
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def create_if_missing(home: Place) -> None:
    """Create the reserve if it is missing and at least MIN_FREE bytes are free. Ignores errors."""
    if os.path.lexists(f"{home.status_path}/{NAME}"):
        return
    try:
        status = os.open(home.status_path, DIRECTORY_FLAGS)
        try:
            if _free_bytes(status) >= MIN_FREE:
                _create(status)
        finally:
            os.close(status)
    except OSError:
        return


def retry_when_full(place: Place, work: Callable[[], T]) -> T:
    """Do the work. If the disk is full, remove the reserve of this home and do the work again."""
    try:
        return work()
    except OSError as error:
        if error.errno not in _DISK_FULL or not (place.is_home and _can_retry(place)):
            raise
        return work()


def _can_retry(home: Place) -> bool:
    """Remove the reserve. Returns whether there is room for another try."""
    try:
        status = os.open(home.status_path, DIRECTORY_FLAGS)
        try:
            return (
                _release(status) or _free_bytes(status) >= _MIN_FREE_TO_RETRY
            )  # or another writer was quicker
        finally:
            os.close(status)
    except OSError:
        return False


def _create(status: int) -> None:
    """Create the reserve, whole or not at all."""
    try:  # noqa: SIM105 - recording loads no contextlib
        os.unlink(_TEMPORARY, dir_fd=status)  # a killed process left it
    except FileNotFoundError:
        pass
    descriptor, _ = open_file(_TEMPORARY, status, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, SIZE)
        os.rename(_TEMPORARY, NAME, src_dir_fd=status, dst_dir_fd=status)
    except OSError:
        os.unlink(_TEMPORARY, dir_fd=status)
        raise
    finally:
        os.close(descriptor)


def _release(status: int) -> bool:
    """Remove the reserve. Returns whether there was one."""
    try:
        os.unlink(NAME, dir_fd=status)
    except FileNotFoundError:
        os.fsync(status)  # another writer may have removed it a moment ago
        return False
    os.fsync(status)  # ext4 frees the blocks only after that
    warn("the disk is full: the megabyte that is kept back for this in status/ is given up")
    return True


def _free_bytes(directory: int) -> int:
    """Bytes that an ordinary account may still write."""
    file_system = os.fstatvfs(directory)
    return file_system.f_bavail * file_system.f_frsize
