"""One actor at a time, across all programs: a lock that names its holder and dies with it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

from qt_audit.place import open_file
from qt_repair.guard import GuardError, open_repair_directory

NAME = "actor.lock"
_PAUSE_S = 0.1


class BusyError(Exception):
    """Another program repairs something; the text names it."""


@contextmanager
def acting(home: str, program: str, repair: str, wait: float) -> Iterator[None]:
    """Be the only one that repairs on this host, for as long as the block runs.

    Waits up to `wait` seconds. Raises BusyError, or GuardError if the lock cannot be had at all.
    The kernel lets go of it with the process, however that ends.
    """
    try:
        directory = open_repair_directory(home)
        try:
            lock, _ = open_file(NAME, directory, os.O_RDWR | os.O_CREAT, 0o640)
        finally:
            os.close(directory)
    except OSError as error:
        raise GuardError(f"{home}/status/repair/{NAME}: cannot be locked ({error.strerror})") from None
    try:
        _take(lock, time.monotonic() + wait)
        since = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        _write(lock, {"pid": os.getpid(), "program": program, "repair": repair, "since": since})
        yield
        _write(lock, {})
    finally:
        os.close(lock)


def holder(home: str) -> dict[str, object]:
    """Who repairs now: pid, program, repair, since; empty if nobody does."""
    try:
        lock = os.open(f"{home}/status/repair/{NAME}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
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


def _take(lock: int, deadline: float) -> None:
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
    data = json.dumps(holder).encode("ascii") + b"\n"
    os.pwrite(lock, data, 0)
    os.ftruncate(lock, len(data))


def _read(lock: int) -> dict[str, object]:
    try:
        found = json.loads(os.pread(lock, 4096, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
