"""The first version's log is imported into the record: in order, once, also after an interruption."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import TOOLS
from tests.support.recording import PYTHON, check, cli, environment, read_record, record_of, succeeded

OLD = """[2025-12-17T17:39:46.725707Z] Test audit entry - system check
[2025-12-17T17:40:37Z] Auto-repair: Created PostgreSQL database quantum
[2026-01-02T00:00:00.000001Z] Weekly self-heal: Started validation cycle token=abc123secretvalue
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "qt"
    (home / "status").mkdir(parents=True)
    (home / "status/AUTO_REPAIR_AUDIT.log").write_text(OLD)
    return home


def whole(home: Path) -> list[dict[str, Any]]:
    """All entries of all segments, in order."""
    return read_record(record_of(home))


def test_its_lines_become_the_first_entries(home: Path) -> None:
    assert "Adopted 3 entries of" in succeeded(cli(home, "adopt"))
    found = whole(home)
    assert [entry["ts"] for entry in found[:3]] == [
        "2025-12-17T17:39:46.725707Z",
        "2025-12-17T17:40:37.000000Z",
        "2026-01-02T00:00:00.000001Z",
    ]
    assert {entry["source"] for entry in found[:3]} == {"imported"}
    assert found[1]["details"] == {
        "imported_from": "AUTO_REPAIR_AUDIT.log.before-adoption",
        "imported_line": 2,
    }
    assert found[3]["action"] == "Audit record: Adopted 3 entries of the log before it"
    assert found[3]["details"]["sha256"] == hashlib.sha256(OLD.encode()).hexdigest()
    assert "abc123secretvalue" not in json.dumps(found)
    assert succeeded(cli(home, "verify")).count("Record whole") == 1
    assert (home / "status/AUTO_REPAIR_AUDIT.log.before-adoption").read_text() == OLD
    log = (home / "status/AUTO_REPAIR_AUDIT.log").read_text().splitlines()
    assert log[1] == "[2025-12-17T17:40:37.000000Z] Auto-repair: Created PostgreSQL database quantum"
    assert len(log) == 4


def test_a_second_adoption_changes_nothing_and_recording_goes_on(home: Path) -> None:
    succeeded(cli(home, "adopt"))
    succeeded(cli(home, "test"))
    kept = str(home / "status/AUTO_REPAIR_AUDIT.log.before-adoption")
    assert "were adopted before" in succeeded(cli(home, "adopt", kept))
    assert "Nothing to adopt" in succeeded(cli(home, "adopt"))
    assert len(whole(home)) == 5
    assert json.loads(succeeded(cli(home, "adopt", "--json")))["adopted"] == 0


def test_no_summary_of_the_past_is_due(home: Path) -> None:
    succeeded(cli(home, "adopt"))
    for kind in ("daily", "weekly", "monthly"):
        assert succeeded(cli(home, f"{kind}_summary", "--due")) == ""
    assert "Total Actions: 2" in succeeded(cli(home, "daily_summary", "--date", "2025-12-17"))


def test_without_an_old_log_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert "Nothing to adopt" in succeeded(cli(tmp_path / "qt", "adopt"))
    succeeded(cli(tmp_path / "qt", "test"))
    assert "Nothing to adopt" in succeeded(cli(tmp_path / "qt", "adopt"))
    assert len(check(tmp_path / "qt")) == 1


def test_files_are_adopted_in_the_given_order(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    first, second = tmp_path / "log.1.gz", tmp_path / "log"
    first.write_bytes(gzip.compress(b"[2025-12-01T00:00:00Z] one\n"))
    second.write_bytes(b"[2025-12-02T00:00:00Z] two\xff\n")
    succeeded(cli(home, "adopt", str(first), str(second)))
    assert [entry["action"] for entry in whole(home)[:2]] == ["one", "two\\xff"]
    assert second.exists()


@pytest.mark.parametrize(
    ("prepare", "arguments", "says"),
    [
        ("test", ["{old}"], "the record has entries of its own"),
        ("", ["/no/such"], "/no/such is no file; name the log"),
        ("", ["{tmp}/empty"], "has no line; there is nothing to adopt"),
        ("", ["{tmp}/bad.gz"], "Not a gzipped file"),
        ("", ["{tmp}/cut.gz"], "a .gz file is damaged"),
    ],
)
def test_a_log_that_cannot_be_adopted_is_one_clear_line(
    tmp_path: Path, prepare: str, arguments: list[str], says: str
) -> None:
    home = tmp_path / "qt"
    (tmp_path / "old").write_text(OLD)
    (tmp_path / "empty").write_text("")
    (tmp_path / "bad.gz").write_text("x")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(OLD.encode())[:40])
    if prepare:
        succeeded(cli(home, prepare))
    named = [argument.format(old=tmp_path / "old", tmp=tmp_path) for argument in arguments]
    done = cli(home, "adopt", *named)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1


def test_another_log_is_not_adopted_after_one(home: Path, tmp_path: Path) -> None:
    succeeded(cli(home, "adopt"))
    (tmp_path / "other").write_text("[2025-12-01T00:00:00Z] one\n")
    assert "another log was adopted before" in cli(home, "adopt", str(tmp_path / "other")).stderr


def test_an_adoption_killed_at_any_moment_and_repeated_imports_each_line_once(tmp_path: Path) -> None:
    home, count = tmp_path / "qt", 20_000
    (home / "status").mkdir(parents=True)
    begin = 1_760_000_000
    with (home / "status/AUTO_REPAIR_AUDIT.log").open("w") as log:
        for number in range(count):
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(begin + number * 60))
            log.write(f"[{moment}Z] Entry {number}\n")
    chance = random.Random(5)
    for _ in range(12):
        process = subprocess.Popen(
            [PYTHON, str(TOOLS / "audit_logger.py"), "adopt"],
            env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.05, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    succeeded(cli(home, "adopt"))
    succeeded(cli(home, "verify"))
    taken = [entry["action"] for entry in whole(home) if entry["source"] == "imported"]
    assert taken == [f"Entry {number}" for number in range(count)]
