"""How fast the record is verified, counted and summarised, beside sha256sum, grep and jq."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.bench.commands import PYTHON, TOOLS, in_turn, tool
from tests.bench.table import Row, median, milliseconds, paired_ratio, progress
from tests.support.records import make_record

MONTH = 30 * 86400
START, DAY = "2026-09-01T00:00:00Z", "2026-09-15"
MANY = 1_000_000


def verify(directory: Path, quick: bool) -> list[Row]:
    """`verify` of a record beside `sha256sum` of its file, on one core and on two.

    How much two cores are faster than one depends on the machine: two `sha256sum` of a half each show it.
    """
    count = MANY // 10 if quick else MANY
    home = _record(directory, count)
    segment = _segment(home)
    halves = _halves(segment, directory)
    one, peer, two, both = in_turn(
        [
            ["taskset", "-c", "0", *tool("verify", "--jobs", "1")],
            ["taskset", "-c", "0", "sha256sum", str(segment)],
            tool("verify", "--jobs", "2"),
            ["sh", "-c", 'sha256sum "$0" & sha256sum "$1" & wait', *halves],
        ],
        home,
        rounds=7,
    )
    size = segment.stat().st_size / 1e6
    shutil.rmtree(home)
    return [
        Row(
            f"verify, {count:,} entries ({size:.0f} MB), one core",
            milliseconds(median(one)),
            f"{milliseconds(median(peer))} sha256sum",
            paired_ratio(one, peer),
            "<= 1.0",
        ),
        Row(
            "the same on two cores",
            milliseconds(median(two)),
            f"{milliseconds(median(one))} on one",
            paired_ratio(two, one),
            "<= 0.5",
        ),
        Row(
            "two sha256sum at once, a half each",
            milliseconds(median(both)),
            f"{milliseconds(median(peer))} one of all",
            paired_ratio(both, peer),
        ),
    ]


def summaries(directory: Path, quick: bool) -> list[Row]:
    """`stats` and a day's summary in records of 10^4 to 10^7 entries over 30 days."""
    rows, smallest = [], 0.0
    for count in (10_000, 100_000, MANY) if quick else (10_000, 100_000, MANY, 10 * MANY):
        home = _record(directory, count)
        segment = str(_segment(home))
        stats, grep = in_turn([tool("stats"), ["grep", "-c", "", segment]], home, rounds=7)
        smallest = smallest or median(stats)
        rows.append(
            Row(
                f"stats, {count:,} entries",
                milliseconds(median(stats)),
                f"{milliseconds(median(grep))} grep -c",
                f"{median(stats) / smallest:.2f} x its time at 10^4",
                "<= 1.5" if count > MANY else "",
            )
        )
        selected = f'select(.ts >= "{DAY}" and .ts < "2026-09-16") | .outcome'
        day, jq = in_turn(
            [tool("daily_summary", "--date", DAY), ["jq", "-r", selected, segment]],
            home,
            rounds=3 if count < MANY else 1,
        )
        rows.append(
            Row(
                f"a day's summary, {count:,} entries",
                milliseconds(median(day)),
                f"{milliseconds(median(jq))} jq",
                f"{median(jq) / median(day):.1f} x faster",
                ">= 20" if count == MANY else "",
            )
        )
        shutil.rmtree(home)
    return rows


def startup(directory: Path, quick: bool) -> list[Row]:
    """What `import audit_logger` costs over a bare interpreter."""
    bare = [PYTHON, "-c", "pass"]
    imports = [PYTHON, "-c", f"import sys; sys.path.insert(0, {str(TOOLS)!r}); import audit_logger"]
    parts = [PYTHON, "-c", "import json, hashlib, fcntl, datetime"]
    home = directory / "startup"
    home.mkdir()
    none, ours, stdlib = in_turn([bare, imports, parts], home, rounds=20 if quick else 60)
    extra = [mine - other for mine, other in zip(ours, none, strict=True)]
    beside = [mine - other for mine, other in zip(stdlib, none, strict=True)]
    return [
        Row(
            "import audit_logger, over bare Python",
            milliseconds(median(extra)),
            f"{milliseconds(median(beside))} json, hashlib, fcntl, datetime",
            f"{median(extra) / median(beside):.2f}",
            "<= 15 ms",
        )
    ]


def _record(directory: Path, count: int) -> Path:
    progress(f"making a record of {count:,} entries")
    home = directory / f"record-{count}"
    make_record(home, count, start=START, step=MONTH / count, log=False)
    return home


def _halves(segment: Path, directory: Path) -> list[str]:
    content = segment.read_bytes()
    paths = [directory / "first-half", directory / "second-half"]
    paths[0].write_bytes(content[: len(content) // 2])
    paths[1].write_bytes(content[len(content) // 2 :])
    subprocess.run(["sync", "-f", str(directory)], check=True)
    return [str(path) for path in paths]


def _segment(home: Path) -> Path:
    (segment,) = (home / "status" / "record").glob("*.jsonl")
    subprocess.run(["sync", "-f", str(segment)], check=True)
    with segment.open("rb") as file:  # both shall find it in the page cache
        while os.read(file.fileno(), 1 << 22):
            pass
    return segment
