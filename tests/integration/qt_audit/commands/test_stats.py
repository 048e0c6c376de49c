"""`audit_logger.py stats`: the report's two lines, the ends of the record, groups."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt_audit.record.entry import now, timestamp
from tests.support.checkout import FACE
from tests.support.records import archive_segment, cli, cli_environment, make_record


def days_ago(days: float) -> str:
    return timestamp((time.time_ns() - int(days * 86_400e9)) // 1000)


def test_a_new_installation_has_no_entries_and_says_how_to_begin(tmp_path: Path) -> None:
    result = cli(tmp_path / "home", "stats")
    assert (result.returncode, result.stdout) == (0, "📊 Total Entries: 0\n📊 Today's Entries: 0\n")
    assert result.stderr.count("\n") == 1
    assert "there is no record yet" in result.stderr
    assert not (tmp_path / "home").exists()


def test_the_reports_lines_and_the_ends_of_the_record(tmp_path: Path) -> None:
    for message in ("First of all", "In between", "Last of all"):
        assert cli(tmp_path, "log", message).returncode == 0
    lines = cli(tmp_path, "stats").stdout.splitlines()
    assert lines[:2] == ["📊 Total Entries: 3", "📊 Today's Entries: 3"]
    assert lines[2].startswith("First: [")
    assert lines[2].endswith("] First of all")
    assert lines[3].startswith("Last:  [")
    assert lines[3].endswith("] Last of all")
    head = json.loads((tmp_path / "status/record/head").read_text())
    assert lines[4:] == [f"Head:  seq 3, {head['hash']}"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_today_is_the_utc_day_in_every_time_zone(tmp_path: Path, zone: str) -> None:
    make_record(tmp_path, 4 * 96, days_ago(3.5), 900)
    before = now()
    found = json.loads(cli(tmp_path, "stats", "--json", environ={"TZ": zone}).stdout)
    todays = [entry for entry in entries(tmp_path) if entry["ts"][:10] == before[:10]]
    assert before[:10] != now()[:10] or found["today"] == len(todays)
    assert found["total"] == 4 * 96


def entries(home: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in cli(home, "query", "--json").stdout.splitlines()]


def test_counts_reach_over_archived_and_removed_segments(tmp_path: Path) -> None:
    make_record(tmp_path, 200, "2026-06-20", 12 * 3600)
    archive_segment(tmp_path, "2026-07")
    (tmp_path / "status/record/2026-06.jsonl").unlink()
    found = json.loads(cli(tmp_path, "stats", "--json").stdout)
    assert found["first"]["ts"] == "2026-07-01T00:00:00.000000Z"
    assert found["total"] == 200 - found["first"]["seq"] + 1 == 178
    assert found["head"]["seq"] == found["last"]["seq"] == 200


def test_groups_are_counted_most_first(tmp_path: Path) -> None:
    make_record(tmp_path, 500, days_ago(4), 600)
    found = json.loads(cli(tmp_path, "stats", "--by", "source", "--json").stdout)
    assert found["counts"] == {"auto_repair_system": 300, "realtime_monitor": 100, "weekly_self_heal": 100}
    assert list(found["counts"]) == ["auto_repair_system", "realtime_monitor", "weekly_self_heal"]
    text = cli(tmp_path, "stats", "--by", "outcome").stdout.splitlines()
    assert text[0] == "📊 Entries by outcome: 500"
    assert [line.split() for line in text[1:]] == [["succeeded", "300"], ["failed", "100"], ["info", "100"]]


def test_since_counts_a_window(tmp_path: Path) -> None:
    make_record(tmp_path, 48, days_ago(2), 3600)
    found = json.loads(cli(tmp_path, "stats", "--since", "1d", "--json").stdout)
    assert found["entries"] == 23
    assert (
        sum(
            json.loads(cli(tmp_path, "stats", "--by", "source", "--since", "1d", "--json").stdout)[
                "counts"
            ].values()
        )
        == 23
    )


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--by", "colour"], ["--since", ""], ["extra"]])
def test_wrong_use_is_one_line_and_status_2(tmp_path: Path, arguments: list[str]) -> None:
    result = cli(tmp_path, "stats", *arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that every user can reach."""
    path = Path(tempfile.mkdtemp(prefix="qt-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_a_record_that_may_not_be_read_is_one_line_and_status_1(reachable: Path) -> None:
    home = reachable / "home"
    make_record(home, 3)
    home.chmod(0o755)
    (home / "status").chmod(0o755 if os.geteuid() == 0 else 0)
    user = "nobody" if os.geteuid() == 0 else None
    tools = reachable / "tools"
    shutil.copytree(FACE.parent, tools, ignore=shutil.ignore_patterns("__pycache__"))
    result = subprocess.run(
        ["/usr/bin/python3" if user else sys.executable, str(tools / FACE.name), "stats"],
        env=cli_environment(home),
        user=user,
        group="nogroup" if user else None,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    (home / "status").chmod(0o755)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "cannot be read (Permission denied); read it as its owner or as root" in result.stderr
