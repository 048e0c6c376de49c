"""The actor lock: one repair at a time, across all programs. It names its holder and ends with it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone

from qt_audit.record.place import Place, open_directory, open_file
from qt_repair.engine.guard import DIRECTORY, GuardError

NAME = "actor.lock"
_PAUSE_S = 0.1


class BusyError(Exception):
    """Another program is repairing something; the text names it."""


@contextmanager
def hold_actor_lock(home: str, program: str, repair: str, wait: float) -> Iterator[None]:
    """Hold the lock while the block runs, so that nobody else on this host repairs.

    Waits up to `wait` seconds, then raises BusyError; raises GuardError if the lock cannot be taken at all.
    The kernel releases the lock with the process, however that ends.
    """
    try:
        lock = _open(Place(home, home=True))
    except OSError as error:
        raise GuardError(f"{home}/status/{DIRECTORY}/{NAME}: cannot be locked ({error.strerror})") from None
    try:
        _lock(lock, time.monotonic() + wait)
        since = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        _write(lock, {"pid": os.getpid(), "program": program, "repair": repair, "since": since})
        yield
        _write(lock, {})
    finally:
        os.close(lock)


def lock_holder(home: str) -> dict[str, object]:
    """Who is repairing now: pid, program, repair, since; empty if nobody is."""
    try:
        lock = os.open(f"{home}/status/{DIRECTORY}/{NAME}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return {}
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(lock)
    else:
        return {}
    finally:
        os.close(lock)


def _open(place: Place) -> int:
    """Open the lock file, and create it if it is missing; links are not followed."""
    status, record = place.open()
    try:
        directory = open_directory(DIRECTORY, status, place.directory_mode)
        try:
            return open_file(NAME, directory, os.O_RDWR | os.O_CREAT, place.file_mode)[0]
        finally:
            os.close(directory)
    finally:
        os.close(record)
        os.close(status)


def _lock(lock: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                who = _read(lock)
                raise BusyError(
                    f"{who.get('program', 'another program')} (pid {who.get('pid', '?')}) repairs"
                    f" {who.get('repair', 'something')} since {who.get('since', 'a moment ago')}"
                ) from None
            time.sleep(_PAUSE_S)
        else:
            return


def _write(lock: int, holder: dict[str, object]) -> None:
    """Write the holder into the lock file, for people only: on a full disk the lock works without a name."""
    data = json.dumps(holder).encode("ascii") + b"\n"
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, data, 0)


def _read(lock: int) -> dict[str, object]:
    try:
        found = json.loads(os.pread(lock, 4096, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
