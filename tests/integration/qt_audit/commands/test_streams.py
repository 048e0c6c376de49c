"""The command line where streams are closed, full or not read: the same answers, and nothing unrecorded."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import TOOLS
from tests.support.recording import PYTHON, actions, check, cli, environment, succeeded

TOOL = f"{PYTHON} {TOOLS}/audit_logger.py"


def shell(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    """A line of shell; `$TOOL` is the command line."""
    return subprocess.run(
        ["/bin/sh", "-c", script],
        env=environment(home, TOOL=TOOL),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("query", 0),
        ("tail", 0),
        ("stats --by outcome", 0),
        ("verify", 0),
        ("archive", 0),
        ("daily_summary", 0),
        ("daily_summary --due", 0),
        ("log again", 0),
        ("run -- true", 0),
        ("bogus", 2),
    ],
)
def test_a_closed_stream_changes_no_answer(tmp_path: Path, command: str, status: int, closed: str) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "It did not help", "--outcome", "failed"))
    done = shell(home, f"$TOOL {command} {closed}")
    assert "Traceback" not in done.stderr
    assert done.returncode == status


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_doctor_answers_the_same_with_a_stream_closed(tmp_path: Path, closed: str) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "test"))
    done = shell(home, f"$TOOL doctor {closed}")
    assert "Traceback" not in done.stderr
    assert done.returncode == cli(home, "doctor").returncode


@pytest.mark.parametrize(("command", "status"), [("/no/such/command", 127), ("/etc/passwd", 126)])
def test_run_keeps_the_status_where_nothing_can_be_said(tmp_path: Path, command: str, status: int) -> None:
    done = shell(tmp_path / "qt", f"$TOOL run -- {command} 2>/dev/full")
    assert done.returncode == status
    assert [entry["outcome"] for entry in check(tmp_path / "qt")] == ["started", "failed"]


def test_lines_of_standard_input_are_recorded_also_if_no_receipt_is_read(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    done = shell(home, "(seq 3; sleep 0.5; seq 4 6) | $TOOL log - | head -n 1")
    assert done.stdout == "✅ Audit logged: 1\n"
    assert actions(check(home)) == ["1", "2", "3", "4", "5", "6"]
    assert done.stderr == ""


def test_lines_of_standard_input_are_recorded_also_if_no_receipt_can_be_written(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    done = shell(home, "seq 3 | $TOOL log - >/dev/full")
    assert actions(check(home)) == ["1", "2", "3"]
    assert done.returncode == 1
    says = "No space left on device; the entries are recorded all the same"
    assert done.stderr == f"audit_logger.py log: {says}\n"
