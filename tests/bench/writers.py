"""One process that writes entries in one of several ways; run by append.py, many at a time.

usage: writers.py KIND COUNT DIRECTORY, prints `ready`, waits for a line on stdin, then prints
when it began, when it ended, and its latencies in microseconds, as JSON.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "files" / "quantum_trader" / "tools"))

if TYPE_CHECKING:
    from qt_audit.record.entry import Draft
    from qt_audit.record.writer import Receipt

SENTENCE = "Auto-repair: Restarted Grafana container"
LINE = b"x" * 330 + b"\n"


def bare(directory: str) -> Callable[[], object]:
    """The floor: write and fdatasync, no lock, no chain, no time."""
    descriptor = _log(directory, "bare")

    def write() -> None:
        os.write(descriptor, LINE)
        os.fdatasync(descriptor)

    return write


def locked(directory: str) -> Callable[[], object]:
    """The bare loop with a lock that is held over the sync."""
    descriptor = _log(directory, "locked")

    def write() -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, LINE)
        os.fdatasync(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    return write


def python_logging(directory: str) -> Callable[[], object]:
    """Python's logging with an fsync after each line."""

    class Synced(logging.FileHandler):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            assert self.stream is not None
            os.fsync(self.stream.fileno())

    handler = Synced(f"{directory}/logging")
    handler.setFormatter(logging.Formatter("[%(asctime)s] %(name)s %(levelname)s %(process)d %(message)s"))
    logger = logging.getLogger("bench")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return lambda: logger.info(SENTENCE)


def log_action(directory: str) -> Callable[[], object]:
    """What is measured: a redacted, chained, durable entry and its line for people."""
    import audit_logger

    return lambda: audit_logger.log_action(SENTENCE, outcome="succeeded", details={"container": "grafana"})


def sync_inside(directory: str) -> Callable[[], object]:
    """log_action as it would be if it synced before it lets the lock go."""
    from qt_audit.record import journal
    from qt_audit.record.writer import Writer

    class Impatient(Writer):
        """Syncs at the end of the write, while the lock is held."""

        def write(self, drafts: Sequence[Draft], bodies: Sequence[str]) -> list[Receipt]:
            receipts = super().write(drafts, bodies)
            os.fdatasync(self.segment)
            return receipts

    # What is measured beside our own code is our own code with this one thing changed.
    vars(journal).update(Writer=Impatient, _make_durable=lambda *arguments: None)
    return log_action(directory)


KINDS = {
    "bare": bare,
    "locked": locked,
    "logging": python_logging,
    "log_action": log_action,
    "sync_inside": sync_inside,
}


def _log(directory: str, name: str) -> int:
    return os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


def main(kind: str, count: int, directory: str) -> None:
    write = KINDS[kind](directory)
    for _ in range(20):
        write()
    print("ready", flush=True)
    sys.stdin.readline()
    latencies, begin = [], time.time()
    for _ in range(count):
        before = time.perf_counter()
        write()
        latencies.append(round((time.perf_counter() - before) * 1e6, 1))
    print(json.dumps({"begin": begin, "end": time.time(), "latencies": latencies}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
