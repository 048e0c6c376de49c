"""The directory status/outbox. Only its owner may read it. The delivery locks it; others only read it."""

from __future__ import annotations

import os
import stat

from qt_audit.record.place import DIRECTORY_FLAGS, Place, open_directory
from qt_audit.record.state_directory import StateDirectory

DIRECTORY = "outbox"
_DIRECTORY_MODE, _MODE = 0o700, 0o600
_LOCK = ".lock"


class Store(StateDirectory):
    """Reads files of the directory, and replaces each in one step. Raises OSError, naming the file."""

    def __init__(self, place: Place, timeout: float = 0.0) -> None:
        super().__init__(place, timeout, DIRECTORY, _LOCK, _MODE)

    def discard(self, name: str) -> None:
        """Remove a file, if it exists. It is durable only after the next write() or remove()."""
        self._unlink(name)

    def is_file(self, name: str) -> bool:
        """Whether it is a regular file, not a link, a directory or a pipe."""
        try:
            return stat.S_ISREG(os.stat(name, dir_fd=self._directory, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return False


class LockedOutbox(Store):
    """A context in which the directory is locked, so that one process delivers at a time.

    The directory is created if it is missing. Entering raises Busy if another process holds the lock.
    """

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
    """A context that reads the outbox, or another directory of status/, without the lock.

    Creates nothing. Entering raises FileNotFoundError if the directory is missing.
    """

    def __init__(self, place: Place, directory: str = DIRECTORY) -> None:
        super().__init__(place)
        self.path = f"{place.status_path}/{directory}"

    def __enter__(self) -> ReadOnlyDirectory:
        self._directory = os.open(self.path, DIRECTORY_FLAGS)
        return self
