"""A month's page of 10^5 entries, beside logwatch over a log of as many lines."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.bench.commands import in_turn, tool
from tests.bench.table import Row, median, milliseconds, paired_ratio, progress
from tests.support.records import write_record
from tests.support.reporting import busy_month

_MONTH, _FROM, _TO = "2026-10", "2026-10-01", "2026-10-31"


def measure(directory: Path, quick: bool) -> list[Row]:
    entries = 10_000 if quick else 100_000
    progress(f"reports: a record and a log of {entries:,} lines")
    home = directory / "qt"
    write_record(home, busy_month(entries, _MONTH), log=False)
    page = home / "page.html"
    logs = directory / "log"
    logs.mkdir()
    _log(logs / "auth.log", entries)
    ours = tool("report", "--from", _FROM, "--to", _TO, "--out", str(page))
    theirs = [
        "logwatch", "--logdir", str(logs), "--logfile", "secure", "--service", "sshd",
        "--range", "all", "--detail", "high", "--numeric", "--output", "stdout", "--format", "html",
    ]  # fmt: skip
    progress("reports: both in turn")
    times = in_turn([ours, theirs], home, 2 if quick else 5)
    found = subprocess.run(["grep", "-c", "<svg", str(page)], stdout=subprocess.PIPE, check=True)
    assert int(found.stdout) > 0
    return [
        Row(
            f"a month's page, {entries:,} entries",
            milliseconds(median(times[0])),
            f"{milliseconds(median(times[1]))} logwatch",
            paired_ratio(times[0], times[1]),
            "<= 2 s",
        )
    ]


def _log(path: Path, lines: int) -> None:
    """Failed log-ins, which logwatch counts by user and address."""
    with path.open("w") as file:
        for number in range(lines):
            minute = number * 40_000 // lines
            when = f"Oct {1 + minute // 1440:2d} {minute // 60 % 24:02d}:{minute % 60:02d}:{number % 60:02d}"
            who = f"invalid user u{number % 50} from 192.0.2.{number % 250}"
            file.write(f"{when} vps sshd[{number % 30000}]: Failed password for {who} port 4242 ssh2\n")
