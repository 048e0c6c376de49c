"""The directory status/outbox: for its owner's eyes only, locked by who delivers, or only looked at."""

from __future__ import annotations

import os
import stat

from qt_audit.record.place import DIRECTORY_FLAGS, Place, open_directory
from qt_audit.record.state_directory import StateDirectory

DIRECTORY = "outbox"
_DIRECTORY_MODE, _MODE = 0o700, 0o600
_LOCK = ".lock"


class Store(StateDirectory):
    """Files in it that are replaced in one step. Raises OSError, naming the file."""

    def __init__(self, place: Place, timeout: float = 0.0) -> None:
        super().__init__(place, timeout, DIRECTORY, _LOCK, _MODE)

    def discard(self, name: str) -> None:
        """Remove a file, if it is there; durable with the next one that is removed or written."""
        self._unlink(name)

    def is_file(self, name: str) -> bool:
        """Whether it is a regular file: no link, directory or pipe."""
        try:
            return stat.S_ISREG(os.stat(name, dir_fd=self._directory, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return False


class LockedOutbox(Store):
    """Made where it is missing, and locked, as a context: one delivers at a time. Raises Busy, too."""

    def __enter__(self) -> LockedOutbox:
        status, record = self._place.open()
        os.close(record)
        try:
            os.close(open_directory(DIRECTORY, status, _DIRECTORY_MODE))
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.path) from None
        finally:
            os.close(status)
        super().__enter__()
        return self


class ReadOnlyDirectory(Store):
    """The directory, or another one of status/, only read: without the lock, and nothing is made.

    Raises FileNotFoundError where it is missing.
    """

    def __init__(self, place: Place, directory: str = DIRECTORY) -> None:
        super().__init__(place)
        self.path = f"{place.status_path}/{directory}"

    def __enter__(self) -> ReadOnlyDirectory:
        self._directory = os.open(self.path, DIRECTORY_FLAGS)
        return self
