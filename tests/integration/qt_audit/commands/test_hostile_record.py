"""Whatever an attacker writes into the record, each command ends in bounded memory, without a traceback."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.hostile import BODY, CHAINED, HOSTILE, SEGMENT, append_chained, cli_in_little_memory
from tests.support.records import make_record

COMMANDS = (
    "verify",
    "query --json",
    "tail",
    "stats",
    "stats --by source",
    "daily_summary --date 2026-11-20",
    "report --from 2026-10-01",
    "archive",
    "doctor",
    "adopt",
    "rebuild_log",
)
ENTRIES = 400


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record of 400 entries of November."""
    make_record(tmp_path, ENTRIES, start="2026-11-01T00:00:00Z", step=3600)
    return tmp_path / "status/record"


@pytest.mark.parametrize("attack", HOSTILE.values(), ids=HOSTILE)
def test_each_command_ends_in_little_memory(record: Path, attack: Callable[[Path], None]) -> None:
    attack(record)
    for command in COMMANDS:
        done = cli_in_little_memory(record.parent.parent, *command.split())
        assert done.returncode in (0, 1), (command, done.stderr)
        assert "Traceback" not in done.stderr, command
        assert done.stderr.count("\n") <= 1, command


@pytest.mark.parametrize("attack", HOSTILE.values(), ids=HOSTILE)
def test_a_delivery_ends_in_little_memory(record: Path, attack: Callable[[Path], None]) -> None:
    attack(record)
    nobody = {"QT_ALERT_WEBHOOK": "json+http://127.0.0.1:9/x"}
    done = cli_in_little_memory(record.parent.parent, "deliver", environ=nobody)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("body", CHAINED.values(), ids=CHAINED)
def test_verify_names_the_line_that_query_passes_over(record: Path, body: str) -> None:
    append_chained(record, BODY, body, BODY)
    home = record.parent.parent
    found = cli_in_little_memory(home, "query", "--json")
    assert [json.loads(line)["seq"] for line in found.stdout.splitlines()] == [
        *range(1, ENTRIES + 2),
        ENTRIES + 3,
    ]
    assert found.stderr == "audit_logger.py query: 1 lines are no entries; `verify` names them\n"
    report = json.loads(cli_in_little_memory(home, "verify", "--json").stdout)
    (fault,) = report["faults"]
    assert (fault["kind"], fault["file"], fault["seq"], fault["line"], fault["lines"]) == (
        "altered",
        SEGMENT,
        ENTRIES + 2,
        ENTRIES + 2,
        1,
    )


@pytest.mark.parametrize(
    ("attack", "lines"),
    [("newlines", 16 << 20), ("lines that only begin well", 100_000), ("copies of a line", 20_000)],
)
def test_a_million_lines_that_are_no_entries_are_one_fault_with_their_number(
    record: Path, attack: str, lines: int
) -> None:
    HOSTILE[attack](record)
    report = json.loads(cli_in_little_memory(record.parent.parent, "verify", "--json").stdout)
    (fault,) = report["faults"]
    assert (fault["line"], fault["lines"]) == (ENTRIES + 1, lines)
    assert report["more_faults"] == 0
    assert report["entries"] == ENTRIES


LOGS: dict[str, bytes] = {
    "newlines": b"[2025-12-17T17:39:46Z] begin\n" + b"\n" * (1 << 20),
    "a line of four megabytes": b"\xff" * (4 << 20),
    "an archive of zeros": gzip.compress(bytes(1 << 28), 6) * 4,
    "an archive of newlines": gzip.compress(b"x" + b"\n" * (1 << 28), 6),
}


@pytest.mark.parametrize("content", LOGS.values(), ids=LOGS)
def test_an_old_log_is_adopted_in_little_memory_or_refused(tmp_path: Path, content: bytes) -> None:
    archived = content.startswith(b"\x1f\x8b")
    log = tmp_path / ("old.log.gz" if archived else "old.log")
    log.write_bytes(content)
    done = cli_in_little_memory(tmp_path / "home", "adopt", str(log))
    assert done.stderr.count("\n") == archived, done.stderr
    assert done.returncode == archived
    if archived:
        assert "a .gz file is damaged: unpack what can be had of it, and name that" in done.stderr


def test_a_line_that_is_too_long_is_named_with_its_place(record: Path) -> None:
    path = record / SEGMENT
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:99], b'{"seq":100,' + b"x" * (64 << 20) + b"\n", *lines[100:]]))
    home = record.parent.parent
    report = json.loads(cli_in_little_memory(home, "verify", "--json").stdout)
    (fault,) = report["faults"]
    assert (fault["kind"], fault["file"], fault["seq"], fault["line"]) == ("altered", SEGMENT, 100, 100)
    found = cli_in_little_memory(home, "query")
    assert len(found.stdout.splitlines()) == ENTRIES - 1
    assert "1 lines are no entries" in found.stderr
