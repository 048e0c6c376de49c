"""`archive` as a program: retention that verify accepts, crashes at any moment, wrong use."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.checkout import FACE
from tests.support.records import make_record


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "QT_HOME": str(home), "XDG_STATE_HOME": str(home / "elsewhere")}


def tool(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FACE), *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def old_record(home: Path, n: int = 300, step: float = 30_000) -> None:
    """Entries of May to August of a past year. Months are counted from the head, which is in August."""
    make_record(home, n, start="2024-05-03T00:00:00Z", step=step)


def segments(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "status/record").iterdir() if path.name != "head")


def test_verify_follows_the_chain_through_compression_and_retention(tmp_path: Path) -> None:
    old_record(tmp_path)
    done = tool(tmp_path, "archive", "--after", "0", "--keep", "2")
    assert done.returncode == 0, done.stderr
    assert [line.split(" (")[0] for line in done.stdout.splitlines()] == [
        "🗑️  Removed 2024-05.jsonl",
        "📦 Compressed 2024-06.jsonl",
        "📦 Compressed 2024-07.jsonl",
    ]
    verified = tool(tmp_path, "verify")
    assert verified.returncode == 0, verified.stdout
    assert "were removed by retention" in verified.stdout
    log = (tmp_path / "status/AUTO_REPAIR_AUDIT.log").read_text()
    assert "Audit record: retention removes 2024-05.jsonl (seq 1 to " in log


def test_a_beginning_removed_by_hand_is_missing(tmp_path: Path) -> None:
    old_record(tmp_path)
    assert tool(tmp_path, "archive", "--after", "99", "--keep", "2").returncode == 0
    kept = segments(tmp_path)
    assert tool(tmp_path, "verify").returncode == 0
    (tmp_path / "status/record" / kept[0]).unlink()
    done = tool(tmp_path, "verify")
    assert done.returncode == 1
    assert "missing" in done.stdout


def test_defaults_come_from_the_settings(tmp_path: Path) -> None:
    old_record(tmp_path)
    (tmp_path / "config").mkdir()
    env = tmp_path / "config/audit.env"
    env.write_text("QT_ARCHIVE_AFTER_MONTHS=0\nQT_ARCHIVE_KEEP_MONTHS=0\n")
    env.chmod(0o600)
    answer = json.loads(tool(tmp_path, "archive", "--dry-run", "--json").stdout)
    assert answer["dry_run"] is True
    assert [step["what"] for step in answer["steps"]] == ["compressed"] * 3
    assert not any(name.endswith(".gz") for name in segments(tmp_path))


def test_nothing_to_do_is_said_or_not_with_quiet(tmp_path: Path) -> None:
    assert tool(tmp_path, "test").returncode == 0
    assert tool(tmp_path, "archive").stdout == "✅ Nothing to archive\n"
    quiet = tool(tmp_path, "archive", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_faulty_segment_is_exit_1_and_one_line(tmp_path: Path) -> None:
    old_record(tmp_path)
    segment = tmp_path / "status/record/2024-05.jsonl"
    segment.chmod(0o640)
    segment.write_bytes(segment.read_bytes().replace(b"#17", b"#71"))
    done = tool(tmp_path, "archive", "--after", "0")
    assert done.returncode == 1
    says = "2024-05.jsonl is left alone: its chain is broken; `audit_logger.py verify` tells more"
    assert done.stderr == f"audit_logger.py archive: {says}\n"


@pytest.mark.parametrize("arguments", [["--after", "-1"], ["--keep", "soon"], ["--after", "5000"]])
def test_wrong_use_is_one_line_and_exit_2(tmp_path: Path, arguments: list[str]) -> None:
    done = tool(tmp_path, "archive", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_the_record_is_whole_after_a_kill_at_any_moment_and_the_next_run_completes_the_work(
    tmp_path: Path,
) -> None:
    old_record(tmp_path, n=4000, step=4000)
    chance = random.Random(20261123)
    for _ in range(25):
        run = subprocess.Popen(
            [sys.executable, str(FACE), "archive", "--after", "0", "--keep", "3"],
            env=environment(tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.03, 0.25))
        run.kill()
        run.wait()
        verified = tool(tmp_path, "verify")
        assert verified.returncode == 0, verified.stdout
    assert tool(tmp_path, "archive", "--after", "0", "--keep", "3").returncode == 0
    names = segments(tmp_path)
    assert len([name for name in names if name.endswith(".jsonl")]) == 1
    assert not any(name.endswith(".tmp") for name in names)
    assert tool(tmp_path, "verify").returncode == 0


def retentions(home: Path) -> list[int]:
    """What the record says of its retention, in its order."""
    said = tool(home, "query", "--source", "audit_archive", "--json").stdout
    lines = [json.loads(line) for line in said.splitlines()]
    return [one["details"]["retention"]["keep_months"] for one in lines if "retention" in one["details"]]


def test_the_record_says_when_retention_was_set_changed_and_switched_off(tmp_path: Path) -> None:
    old_record(tmp_path)
    for keep in ("0", "0", "500", "500", "400", "0", "0", "1200"):
        assert tool(tmp_path, "archive", "--after", "99", "--keep", keep).returncode == 0
    assert retentions(tmp_path) == [500, 400, 0, 1200]
    log = (tmp_path / "status/AUTO_REPAIR_AUDIT.log").read_text()
    assert "Audit record: retention keeps 500 months" in log
    assert "Audit record: retention is off: every month is kept" in log


def test_months_removed_by_hand_are_missing_though_a_program_claims_retention(tmp_path: Path) -> None:
    old_record(tmp_path)
    last = (tmp_path / "status/record/2024-05.jsonl").read_bytes().splitlines()[-1]
    removed = {
        "segment": "2024-05.jsonl",
        "first_seq": 1,
        "last_seq": json.loads(last)["seq"],
        "last_hash": hashlib.sha256(last).hexdigest(),
    }
    code = "import sys, json; sys.path.insert(0, sys.argv[1]); from audit_logger import log_action\n"
    code += "log_action('retention removes', source='audit_archive', details=json.loads(sys.argv[2]))"
    subprocess.run(
        [sys.executable, "-c", code, str(FACE.parent), json.dumps({"removed": removed})],
        env=environment(tmp_path), check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    (tmp_path / "status/record/2024-05.jsonl").unlink()
    done = tool(tmp_path, "verify")
    assert done.returncode == 1
    assert "the beginning is gone" in done.stdout
