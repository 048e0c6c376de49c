"""Where things lie: the machine-wide cache, what lives until a reboot, and a clone's own state."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
# Machine-wide and gone after a reboot, as the network links that it accounts for are.
RUNTIME = Path("/run/quantum-trader-sandbox")


def cache() -> Path:
    """The machine-wide cache of bases and of the disks of booted machines."""
    return Path(os.environ.get("QT_SANDBOX_CACHE") or "/var/cache/quantum-trader-sandbox").absolute()


def private_directory(path: Path) -> Path:
    """`path`, existing and closed to other users: it holds private keys and whole systems."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; waits as long as another process holds it."""
    private_directory(path.parent)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock `path`. Survives pid reuse and reboots, unlike a pid file."""
    try:
        with path.open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
