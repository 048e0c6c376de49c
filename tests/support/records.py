"""Records made to measure: whole, chained, with head and log, at several hundred thousand entries a second.

    head = make_record(home, 10_000, start="2026-10-25T00:00:00Z", step=60)
    head = write_record(home, [draft("Auto-repair: Restarted Grafana container", ts="2026-11-22T10:00:00Z")])

Both write what the journal would have written had its clock shown these times: a segment a
month, finished ones read-only, `head`, and the log that people read.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from calendar import timegm
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from time import strptime
from typing import Any, BinaryIO

from qt_audit.record.entry import Draft, chain_hash, line, log_line, segment_name, timestamp
from qt_audit.record.head import HEAD_NAME, Head, empty
from qt_audit.record.place import Place
from qt_audit.record.writer import FINISHED_MODE
from tests.support.checkout import FACE

HOST, USER, PID = "vps.example.com", "qt", 4242
_MARK = "9090909090"
_ACTIONS = (
    ("Auto-repair: Restarted Grafana container", "auto_repair_system", "succeeded"),
    ("System check: All services healthy", "realtime_monitor", "info"),
    ("Auto-repair: Created PostgreSQL database quantum", "auto_repair_system", "succeeded"),
    ("Weekly self-heal: Smoke tests - PASSED", "weekly_self_heal", "succeeded"),
    ("Auto-repair: Cleaned Docker cache - FAILED: exit code 1", "auto_repair_system", "failed"),
)


def full_ts(text: str) -> str:
    """`2026-11-22`, `2026-11-22T10:00` or `2026-11-22T10:00:00Z` as entries write it."""
    plain = text.rstrip("Z")
    return plain + "0000-01-01T00:00:00.000000"[len(plain) :] + "Z"


def microseconds(ts: str) -> int:
    """Microseconds since the epoch, from a time as full_ts takes it."""
    ts = full_ts(ts)
    return timegm(strptime(ts[:19], "%Y-%m-%dT%H:%M:%S")) * 1_000_000 + int(ts[20:26])


def draft(
    action: str = "System check: All services healthy",
    ts: str = "2026-11-22T10:00:00Z",
    outcome: str = "info",
    source: str = "realtime_monitor",
    run: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Draft:
    """A draft of an entry, with defaults for the fields that a test does not need."""
    return Draft(action, source, outcome, HOST, USER, PID, run, dict(details or {}), ts=full_ts(ts))


def write_record(home: Path | str, drafts: Iterable[Draft], log: bool = True) -> Head:
    """Write a new record of these entries, whose `ts` ascend, below QT_HOME."""
    rows = ((item.ts or "", item.body(), item.action) for item in drafts)
    return _write(Place(str(home), home=True), rows, log)


def make_record(
    home: Path | str, n: int, start: str = "2026-11-01T00:00:00Z", step: float = 60.0, log: bool = True
) -> Head:
    """Write a record of `n` entries, `step` seconds apart from `start` on; each action ends in its number."""
    return _write(Place(str(home), home=True), _rows(n, microseconds(start), round(step * 1e6)), log)


def _rows(n: int, begin: int, step: int) -> Iterator[tuple[str, str, str]]:
    forms = []
    for action, source, outcome in _ACTIONS:
        item = draft(
            f"{action} #{_MARK}", source=source, outcome=outcome, details={"exit_code": 0, "duration_s": 1.5}
        )
        forms.append((item.body(), item.action))
    for number in range(n):
        body, action = forms[number % len(forms)]
        mark = str(number + 1)
        yield timestamp(begin + number * step), body.replace(_MARK, mark), action.replace(_MARK, mark)


def _write(place: Place, rows: Iterable[tuple[str, str, str]], log: bool) -> Head:
    status, record = place.open()
    os.close(record)
    os.close(status)
    head, written = empty(), 0
    with ExitStack() as files:
        log_file = files.enter_context(_create(place.log_path))
        segment: BinaryIO | None = None
        for ts, body, action in rows:
            if segment is None or segment_name(ts) != head.segment:
                if segment is not None:
                    segment.close()
                    Path(place.record_path, head.segment).chmod(FINISHED_MODE)
                head.segment, head.offset = segment_name(ts), 0
                segment = files.enter_context(_create(f"{place.record_path}/{head.segment}"))
            data = line(head.seq + 1, ts, body, head.hash)
            segment.write(data)
            head.seq, head.hash, head.ts = head.seq + 1, chain_hash(data), ts
            head.offset += len(data)
            if log:
                log_file.write(log_line(ts, action).encode() + b"\n")
            written += 1
    head.durable = head.seq
    if written:
        with _create(f"{place.record_path}/{HEAD_NAME}") as file:
            file.write(head.encoded())
    return head


def _create(path: str) -> BinaryIO:
    """A new file with the journal's mode 0640, whatever the umask is."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    os.fchmod(descriptor, 0o640)
    return os.fdopen(descriptor, "wb", buffering=1 << 20)


def cli(
    home: Path | str, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line with a QT_HOME, as a person or cron does. Never raises."""
    return subprocess.run(
        [sys.executable, str(FACE), *arguments],
        env=cli_environment(home, environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def cli_environment(home: Path | str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without its QT_ settings; the first fallback place is below the home."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    return {**plain, "QT_HOME": str(home), "XDG_STATE_HOME": f"{home}/state", **(more or {})}


def archive_segment(home: Path | str, month: str, cut: int = 0) -> None:
    """Compress a segment as `archive` does, and remove `cut` bytes at the end of the archive."""
    plain = Path(home, "status/record", f"{month}.jsonl")
    archived = plain.with_name(f"{month}.jsonl.gz")
    data = gzip.compress(plain.read_bytes(), 1)
    archived.write_bytes(data[: len(data) - cut])
    archived.chmod(FINISHED_MODE)
    plain.unlink()
