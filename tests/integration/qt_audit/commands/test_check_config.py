"""`check_config`: before a file lands, and for the one that is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.recording import cli, succeeded


def test_a_good_file_is_found_without_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "new.env"
    path.write_text("QT_SMTP_PORT=587\nOTHER=x\n")
    assert "no fault found" in succeeded(cli(tmp_path / "qt", "check_config", "audit", str(path)))
    answer = json.loads(succeeded(cli(tmp_path / "qt", "check_config", "audit", str(path), "--json")))
    assert answer == {"file": str(path), "problems": []}


def test_every_fault_is_named_with_its_line_and_no_value(tmp_path: Path) -> None:
    path = tmp_path / "qt/config/audit.env"
    path.parent.mkdir(parents=True)
    path.write_text("QT_SMTP_PORT=S3cr3t\nQT_TYPO=S3cr3t\nQT_LOCK_TIMEOUT=S3cr3t\n")
    done = cli(tmp_path / "qt", "check_config")
    assert done.returncode == 2
    assert [f"line {n}" in line for n, line in enumerate(done.stderr.splitlines(), 1)] == [True] * 3
    assert "S3cr3t" not in done.stderr
    assert len(json.loads(cli(tmp_path / "qt", "check_config", "--json").stdout)["problems"]) == 3


@pytest.mark.parametrize("what", ["missing", "directory", "malformed", "long"])
def test_a_file_that_cannot_be_used_is_told_of_in_one_line(tmp_path: Path, what: str) -> None:
    path = tmp_path / "file"
    if what == "directory":
        path.mkdir()
    elif what != "missing":
        path.write_text("malformed" if what == "malformed" else "#" * 100_000)
    done = cli(tmp_path / "qt", "check_config", "audit", str(path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr


def test_without_a_file_the_defaults_are_named(tmp_path: Path) -> None:
    assert "the defaults are used" in succeeded(cli(tmp_path / "qt", "check_config"))


def test_all_settings_are_listed(tmp_path: Path) -> None:
    text = succeeded(cli(tmp_path / "qt", "check_config", "--list"))
    listed = json.loads(succeeded(cli(tmp_path / "qt", "check_config", "--list", "--json")))
    assert {"QT_ALERT_WEBHOOK", "QT_AUDIT_EMAIL", "QT_SMTP_SERVER", "QT_SMTP_PORT"} <= {
        row["name"] for row in listed
    }
    assert all(row["name"] in text for row in listed)
