"""A directory in status/, such as reports: its files are replaced in one step, under a lock."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from types import TracebackType

from qt_audit.record.head import Busy, wait_for_lock
from qt_audit.record.place import Place, inherit_owner, open_directory, open_file
from qt_audit.record.reserve import retry_when_full

NAME = "reports"
_LOCK_NAME = ".lock"
_MODE = 0o640


class StateDirectory:
    """A directory in status/, created if it is missing. Used as a context manager, which holds its lock.

    Raises OSError with the file's path.
    """

    def __init__(
        self, place: Place, timeout: float, directory: str = NAME, lock: str = _LOCK_NAME, mode: int = _MODE
    ) -> None:
        """`timeout` bounds the wait for the lock, in seconds. `lock` names the lock file in `directory`."""
        self._place = place
        self._timeout = timeout
        self._names = directory, lock
        self._mode = mode
        self.path = f"{place.status_path}/{directory}"
        self._directory = -1
        self._lock = -1

    def __enter__(self) -> StateDirectory:
        try:
            status, record = self._place.open()
            os.close(record)
            try:
                self._directory = open_directory(self._names[0], status, self._place.directory_mode)
            finally:
                os.close(status)
            self._lock, _ = open_file(self._names[1], self._directory, os.O_RDWR | os.O_CREAT, self._mode)
            wait_for_lock(self._lock, time.monotonic() + self._timeout)
        except BaseException as error:
            self._close()
            if isinstance(error, Busy):
                text = f"{self.path}: another program works on it and does not end"
                raise Busy(text) from None
            if isinstance(error, OSError):
                raise OSError(error.errno, error.strerror, self.path) from None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for descriptor in (self._lock, self._directory):
            if descriptor >= 0:
                os.close(descriptor)
        self._lock = self._directory = -1

    def names(self) -> list[str]:
        """The names of its files, sorted."""
        return sorted(os.listdir(self._directory))

    def read(self, name: str, size: int = -1) -> bytes | None:
        """A file's content, or its first `size` bytes; None if there is none."""
        try:
            descriptor, _ = open_file(name, self._directory, os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._with_path(error, name) from None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(size)

    def write(self, name: str, data: bytes) -> None:
        """Put a file in place in one step: whole or not at all. Durable when this returns."""
        try:
            retry_when_full(self._place, lambda: replace_file(name, self._directory, data, self._mode))
        except OSError as error:
            raise self._with_path(error, name) from None

    def set_aside(self, name: str, new_name: str) -> None:
        """Rename a damaged file, so that somebody can examine it."""
        try:
            os.rename(name, new_name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except OSError as error:
            raise self._with_path(error, name) from None

    def remove(self, name: str) -> None:
        """Remove a file, if it is there. Durable when this returns."""
        try:
            self._unlink(name)
            os.fsync(self._directory)
        except OSError as error:
            raise self._with_path(error, name) from None

    def size(self, name: str) -> int:
        """A file's length in bytes; 0 if there is none."""
        try:
            return os.stat(name, dir_fd=self._directory, follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0

    def _unlink(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._directory)

    def _with_path(self, error: OSError, name: str) -> OSError:
        return OSError(error.errno, error.strerror, f"{self.path}/{name}")


def replace_file(name: str, directory: int, data: bytes, mode: int, durable: bool = True) -> None:
    """Put a file in place in one step: whole or not at all. Durable when this returns, if `durable`."""
    temporary = f".{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=directory)  # a killed process left it
    descriptor, _ = open_file(temporary, directory, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        inherit_owner(descriptor, directory)
        file.write(data)
        file.flush()
        if durable:
            os.fsync(descriptor)
    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    if durable:
        os.fsync(directory)
