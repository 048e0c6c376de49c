"""`test` and `log` as people and scripts call them, wrong calls included."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import TOOLS
from tests.support.recording import PYTHON, actions, check, cli, environment, succeeded


def test_test_writes_the_reports_entry_and_says_so(tmp_path: Path) -> None:
    done = cli(tmp_path / "qt", "test")
    assert succeeded(done) == "✅ Audit logged: Test audit entry - system check\n"
    assert done.stderr == ""
    assert actions(check(tmp_path / "qt")) == ["Test audit entry - system check"]


def test_log_records_what_it_was_told(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    done = cli(
        home, "log", "Restarted it", "--source", "me", "--outcome", "failed", "--run", "r1",
        "--detail", "exit_code=3", "--detail", "text=a=b", "--json",
    )  # fmt: skip
    answer = json.loads(succeeded(done))
    entry = check(home)[0]
    assert (entry["action"], entry["source"], entry["outcome"], entry["run"]) == (
        "Restarted it",
        "me",
        "failed",
        "r1",
    )
    assert entry["details"] == {"exit_code": "3", "text": "a=b"}
    assert (answer["seq"], answer["ts"], answer["home"]) == (1, entry["ts"], True)


def test_log_takes_an_entry_a_line_from_standard_input(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    done = cli(home, "log", "-", "--source", "pipe", stdin=b"one\n\n  \ntwo\r\nthree without an end")
    assert succeeded(done).count("✅ Audit logged: ") == 3
    assert actions(check(home)) == ["one", "two", "three without an end"]
    assert succeeded(cli(home, "log", "-", stdin=b"")) == ""


def test_each_line_is_recorded_when_it_comes_not_when_the_input_ends(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    with subprocess.Popen(
        [PYTHON, str(TOOLS / "audit_logger.py"), "log", "-"],
        env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(f"line {number}\n".encode())
            assert process.stdout.readline().decode() == f"✅ Audit logged: line {number}\n"
            assert len(check(home)) == number + 1
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_what_is_said_to_be_logged_holds_no_secret(tmp_path: Path) -> None:
    done = cli(tmp_path / "qt", "log", "psql postgres://u:hunter22@db.example.com --password hunter22")
    assert "hunter22" not in succeeded(done) + done.stderr


def test_a_private_key_that_comes_line_by_line_is_not_recorded(tmp_path: Path) -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    lines = ["before", "-----BEGIN PRIVATE KEY-----", body, "-----END PRIVATE KEY-----", "after"]
    home = tmp_path / "qt"
    done = cli(home, "log", "-", stdin="\n".join(lines).encode())
    assert body not in succeeded(done)
    recorded = actions(check(home))
    assert (recorded[0], recorded[-1]) == ("before", "after")
    assert body not in recorded


WRONG = [
    [],
    ["nope"],
    ["--nope"],
    ["log"],
    ["log", "a", "b"],
    ["log", "x", "--detail", "novalue"],
    ["log", "x", "--detail", "=v"],
    ["log", "x", "--outcome", "splendid"],
    ["log", "x", "--sour", "abbreviated"],
    ["test", "more"],
    ["run"],
    ["run", "--"],
    ["log", "x", "--source", "audit_archive"],
    ["log", "x", "--source", "audit_record"],
    ["log", "x", "--source", "audit_adoption"],
    ["log", "x", "--source", "imported"],
    ["log", "x", "--detail", "removed=all"],
    ["log", "x", "--detail", "imported_from=log"],
    ["run", "--source", "audit_archive", "--", "true"],
    ["check_config", "nothing"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_use_is_told_in_one_line_with_status_2(tmp_path: Path, arguments: list[str]) -> None:
    done = cli(tmp_path / "qt", *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    if arguments:
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
    else:
        assert "usage:" in done.stdout
    assert not (tmp_path / "qt/status").exists()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["log", "--help"], ["run", "-h"], ["test", "--help"], ["help"]]
)
def test_help_is_given(tmp_path: Path, arguments: list[str]) -> None:
    assert "usage:" in succeeded(cli(tmp_path / "qt", *arguments))


@pytest.mark.parametrize(
    ("redirection", "status"),
    [(">&-", 0), (">&- 2>&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0), (">/dev/full", 1), ("| true", 0)],
)
def test_streams_that_are_closed_or_full_cost_no_entry_and_no_traceback(
    tmp_path: Path, redirection: str, status: int
) -> None:
    home = tmp_path / "qt"
    command = f'set -o pipefail; "$@" {redirection}'
    done = subprocess.run(
        ["bash", "-c", command, "sh", PYTHON, str(TOOLS / "audit_logger.py"), "test"],
        env=environment(home), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert done.returncode == status
    assert len(check(home)) == 1


def test_a_closed_standard_input_is_told_of(tmp_path: Path) -> None:
    prefix = ("sh", "-c", 'exec "$@" <&-', "sh")
    done = cli(tmp_path / "qt", "log", "-", prefix=prefix)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_any_locale_will_do(tmp_path: Path, locale: str) -> None:
    done = cli(tmp_path / "qt", "log", "✅ überall", LC_ALL=locale)
    assert succeeded(done) == "✅ Audit logged: ✅ überall\n"


def test_a_home_named_relative_to_the_working_directory_is_used(tmp_path: Path) -> None:
    env = {**environment(tmp_path / "qt"), "QT_HOME": "qt"}
    subprocess.run(
        [PYTHON, str(TOOLS / "audit_logger.py"), "test"],
        cwd=tmp_path,
        env=env,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert len(check(tmp_path / "qt")) == 1
    assert not os.path.lexists(tmp_path / "~")
