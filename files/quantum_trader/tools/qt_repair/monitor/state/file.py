"""The monitor's state file, status/repair/monitor.json, and the lock that a running monitor holds."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from qt_audit.record.place import Place, open_directory, open_file
from qt_audit.record.reserve import retry_when_full
from qt_audit.record.state_directory import replace_file
from qt_repair.engine.state_file import read_state_file
from qt_repair.monitor.state.validity import valid_part

_DIRECTORY, _FILE, _LOCK = "repair", "monitor.json", "monitor.lock"
_MODE = 0o640
_LARGEST = 4 << 20
_PAUSE_S = 0.05


class StateError(Exception):
    """The state file cannot be used, or the lock cannot be taken; the text names the file."""


class RunsAlreadyError(Exception):
    """Another monitor of this installation runs; the text is its pid."""


class StateFile:
    """The state file of the running monitor. Its lock is held until the process ends."""

    def __init__(self, place: Place, patience: float) -> None:
        """Take the lock within `patience` seconds. Raises RunsAlreadyError, StateError."""
        self.path = f"{place.status_path}/{_DIRECTORY}/{_FILE}"
        self._place = place
        try:
            status, record = place.open()
            os.close(record)
            try:
                self._directory = open_directory(_DIRECTORY, status, place.directory_mode)
            finally:
                os.close(status)
            self._lock, _ = open_file(_LOCK, self._directory, os.O_RDWR | os.O_CREAT, _MODE)
        except OSError as error:
            raise StateError(f"{self.path}: cannot be kept ({error.strerror})") from None
        deadline = time.monotonic() + patience
        while not _locked(self._lock):
            if time.monotonic() >= deadline:
                raise RunsAlreadyError(_lock_holder(self._lock))
            time.sleep(_PAUSE_S)  # `status` holds it for a moment
        with suppress(OSError):  # for people only: on a full disk the lock names nobody
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, b"%d\n" % os.getpid(), 0)

    def read(self) -> dict[str, Any]:
        """The state as it was written last; empty if there is none. Raises StateError if it is unreadable."""
        try:
            descriptor, _ = open_file(_FILE, self._directory, os.O_RDONLY)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StateError(f"{self.path}: cannot be read ({error.strerror})") from None
        with os.fdopen(descriptor, "rb") as file:
            return _decoded(file.read(_LARGEST), self.path)

    def write(self, state: Mapping[str, Any], durable: bool) -> None:
        """Replace the file by a rename. Only if `durable`, it is on the disk before this returns.

        Raises StateError.
        """
        data = json.dumps(state).encode("ascii") + b"\n"
        put = partial(replace_file, _FILE, self._directory, data, _MODE, durable)
        try:
            retry_when_full(self._place, put) if durable else put()
        except OSError as error:
            raise StateError(f"{self.path}: cannot be written ({error.strerror})") from None


def read_state(place: Place) -> dict[str, Any]:
    """The state as the monitor wrote it last, for `status`; empty if it never ran. Raises StateError."""
    path = f"{place.status_path}/{_DIRECTORY}/{_FILE}"
    try:
        return _decoded(read_state_file(path, _LARGEST), path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror})") from None


def running_pid(place: Place) -> int | None:
    """The pid of the running monitor; 0 if the lock does not name it, None if none runs."""
    try:
        lock = os.open(
            f"{place.status_path}/{_DIRECTORY}/{_LOCK}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        )
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _lock_holder(lock)
        return int(holder) if holder.isdigit() else 0
    else:
        return None
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_holder(lock: int) -> str:
    return os.pread(lock, 32, 0).decode("ascii", "replace").strip()


def _decoded(data: bytes, path: str) -> dict[str, Any]:
    try:
        state = json.loads(data)
    except (ValueError, RecursionError):
        state = None
    if not isinstance(state, dict) or not isinstance(state.get("thresholds"), list):
        raise StateError(f"{path}: is damaged; remove it, and open breaches are forgotten")
    return valid_part(state)
