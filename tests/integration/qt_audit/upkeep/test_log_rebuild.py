"""`rebuild_log`: the log that people read, anew from the record, each entry in it and its archives once."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qt_audit.record.entry import log_line
from qt_audit.record.parsing import parse
from tests.support.checkout import FACE
from tests.support.records import draft, make_record, write_record

LOG = "AUTO_REPAIR_AUDIT.log"
WRITER = (
    "import sys; sys.path.insert(0, sys.argv[1]); from audit_logger import log_action\n"
    "while True: log_action('busy', source='w')"
)


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "QT_HOME": str(home),
        "XDG_STATE_HOME": str(home / "elsewhere"),
        "QT_LOCK_TIMEOUT": "60",
    }


def tool(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FACE), *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def log(home: Path) -> Path:
    return home / "status" / LOG


def from_record(home: Path) -> list[str]:
    """What all entries read in the log."""
    lines = []
    for segment in sorted((home / "status/record").glob("*.jsonl")):
        for line in segment.read_bytes().splitlines():
            entry = parse(line)
            lines.append(log_line(entry.ts, entry.action))
    return lines


def in_log_and_archives(home: Path) -> list[str]:
    lines: list[str] = []
    for path in sorted((home / "status").glob(f"{LOG}-*")):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines += data.decode().split("\n")[:-1]
    return lines + log(home).read_text().split("\n")[:-1]


@pytest.mark.parametrize("damage", ["lost", "torn", "empty", "edited"])
def test_a_damaged_log_is_restored(tmp_path: Path, damage: str) -> None:
    make_record(tmp_path, 100, start="2026-10-30T08:00:00Z", step=3600)
    before = log(tmp_path).read_bytes()
    if damage == "lost":
        log(tmp_path).unlink()
    else:
        log(tmp_path).write_bytes(
            {"torn": before[:-30], "empty": b"", "edited": before.replace(b"#50", b"#05")}[damage]
        )
    done = tool(tmp_path, "rebuild_log")
    assert done.returncode == 0, done.stderr
    assert f"✅ Rebuilt {log(tmp_path)}: 100 lines" in done.stdout
    assert log(tmp_path).read_bytes() == before
    assert log(tmp_path).stat().st_mode & 0o7777 == 0o640
    kept = tmp_path / "status" / f"{LOG}.replaced"
    assert kept.exists() == (damage == "edited")
    assert sorted(path.name for path in (tmp_path / "status").iterdir()) == sorted(
        {LOG, "record"} | ({kept.name} if kept.exists() else set())
    )


def test_each_log_with_other_lines_is_kept(tmp_path: Path) -> None:
    make_record(tmp_path, 3)
    for word in ("first", "second"):
        log(tmp_path).write_text(f"[2026-11-01T00:00:00.000000Z] {word}\n")
        assert tool(tmp_path, "rebuild_log").returncode == 0
    kept = sorted((tmp_path / "status").glob(f"{LOG}.replaced*"))
    assert [path.read_text()[30:] for path in kept] == ["first\n", "second\n"]


@pytest.mark.parametrize("compressed", [False, True])
def test_entries_of_a_rotated_log_are_left_out(tmp_path: Path, compressed: bool) -> None:
    make_record(tmp_path, 100)
    lines = log(tmp_path).read_bytes().splitlines(keepends=True)
    older, newer = (tmp_path / "status" / f"{LOG}-2026110{day}-176200000{day}" for day in (1, 2))
    (older.parent / f"{older.name}.gz").write_bytes(gzip.compress(b"".join(lines[:30])))
    if compressed:
        (newer.parent / f"{newer.name}.gz").write_bytes(gzip.compress(b"".join(lines[30:60])))
    else:
        newer.write_bytes(b"".join(lines[30:60]))
    log(tmp_path).unlink()
    assert tool(tmp_path, "rebuild_log").returncode == 0
    assert in_log_and_archives(tmp_path) == from_record(tmp_path)
    assert tool(tmp_path, "rebuild_log", "--all").returncode == 0
    assert log(tmp_path).read_bytes() == b"".join(lines)


@pytest.mark.parametrize("rotated", [1, 3, 7, 10])
def test_entries_of_the_same_time_and_text_are_counted(tmp_path: Path, rotated: int) -> None:
    write_record(tmp_path, [draft("same", ts="2026-11-02") for _ in range(10)])
    lines = log(tmp_path).read_bytes().splitlines(keepends=True)
    first = rotated // 2
    (tmp_path / "status" / f"{LOG}-20261102-1762000001").write_bytes(b"".join(lines[:first]))
    (tmp_path / "status" / f"{LOG}-20261103-1762000002").write_bytes(b"".join(lines[first:rotated]))
    log(tmp_path).write_bytes(b"")
    assert tool(tmp_path, "rebuild_log").returncode == 0
    assert in_log_and_archives(tmp_path) == from_record(tmp_path)


def test_the_answer_in_json(tmp_path: Path) -> None:
    make_record(tmp_path, 10)
    answer = json.loads(tool(tmp_path, "rebuild_log", "--json").stdout)
    assert answer == {"log": str(log(tmp_path)), "lines": 10, "after": None, "kept": None}


def test_archived_segments_are_read_too(tmp_path: Path) -> None:
    make_record(tmp_path, 100, start="2024-06-30T08:00:00Z", step=36000)
    before = log(tmp_path).read_bytes()
    assert tool(tmp_path, "archive", "--after", "0").returncode == 0
    assert list((tmp_path / "status/record").glob("*.gz"))
    log(tmp_path).unlink()
    assert tool(tmp_path, "rebuild_log").returncode == 0
    assert log(tmp_path).read_bytes() == before


def test_no_record_is_a_clear_no(tmp_path: Path) -> None:
    done = tool(tmp_path / "nowhere", "rebuild_log")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "nothing to rebuild the log from" in done.stderr


def test_a_rotated_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    make_record(tmp_path, 10)
    (tmp_path / "status" / f"{LOG}-20261102-1762000001.gz").write_bytes(b"no archive")
    done = tool(tmp_path, "rebuild_log")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"audit_logger.py: {LOG}-20261102-1762000001.gz cannot be decompressed: move it away, or use --all"
    ]
    assert not (tmp_path / "status" / f".{LOG}.rebuild").exists()


def test_busy_writers_lose_and_duplicate_no_line(tmp_path: Path) -> None:
    make_record(tmp_path, 2000)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(FACE.parent)],
            env=environment(tmp_path),
            stderr=subprocess.DEVNULL,
        )
        for _ in range(8)
    ]
    try:
        for turn in range(8):
            time.sleep(0.2)
            if turn % 3 == 1:  # as logrotate does it
                log(tmp_path).rename(tmp_path / "status" / f"{LOG}-20261123-{1762000000 + turn}")
            assert tool(tmp_path, "rebuild_log").returncode == 0
    finally:
        for writer in writers:
            writer.terminate()
            writer.wait()
    assert tool(tmp_path, "test").returncode == 0  # takes in what a writer left when it was ended
    assert in_log_and_archives(tmp_path) == from_record(tmp_path)
