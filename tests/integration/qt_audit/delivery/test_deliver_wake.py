"""An entry that must be told at once wakes the delivery; the audit goes on whatever becomes of that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.recording import TemporaryUser, check, cli, program, succeeded, temporary_user

WEBHOOK = "json+http://127.0.0.1:9/hook"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    box = tmp_path / "qt/status/outbox"
    box.mkdir(parents=True)
    box.chmod(0o700)
    return tmp_path / "qt"


@pytest.fixture
def user() -> Iterator[TemporaryUser]:
    with temporary_user() as one:
        yield one


def log(home: Path, action: str, outcome: str = "failed", **env: str) -> None:
    succeeded(cli(home, "log", action, "--outcome", outcome, prefix=(), stdin=None, **env))


def wake(home: Path) -> Path:
    return home / "status/outbox/wake"


@pytest.mark.parametrize(
    "setting",
    [
        {"QT_ALERT_WEBHOOK": WEBHOOK},
        {"QT_AUDIT_EMAIL": "ops@example.com"},
        {"QT_NOTIFY_URLS": "json://127.0.0.1:9"},
    ],
)
def test_a_failure_leaves_one_small_file_for_its_owner_alone(home: Path, setting: dict[str, str]) -> None:
    for number in range(3):
        log(home, f"Backup {number} - FAILED: x", **setting)
    assert os.listdir(home / "status/outbox") == ["wake"]
    assert wake(home).read_text() == "1\n"
    assert wake(home).stat().st_mode & 0o7777 == 0o600


def test_without_a_channel_nothing_is_left(home: Path) -> None:
    log(home, "Backup - FAILED: x", QT_NOTIFY_RULES="critical action=.")
    assert os.listdir(home / "status/outbox") == []


@pytest.mark.parametrize(
    ("action", "outcome", "rules", "left"),
    [
        ("Backup", "succeeded", "", False),
        ("Backup", "info", "", False),
        ("Backup", "info", "now action=^Back", True),
        ("Backup - FAILED: x", "failed", "later source=audit_logger", False),
        ("Backup - FAILED: x", "failed", "no rule at all", True),
        ("Auto-heal: Triggered by realtime monitor threshold breach", "started", "", True),
        ("Auto-heal: Recovered after 5 s", "succeeded", "", True),
        ("Auto-heal: Completed successfully (exit code 0)", "succeeded", "", False),
    ],
)
def test_only_what_must_be_told_at_once_wakes(
    home: Path, action: str, outcome: str, rules: str, left: bool
) -> None:
    log(home, action, outcome, QT_ALERT_WEBHOOK=WEBHOOK, QT_NOTIFY_RULES=rules)
    assert wake(home).exists() is left


def test_where_nothing_was_ever_delivered_nothing_is_made(tmp_path: Path) -> None:
    done = cli(tmp_path / "qt", "log", "x", "--outcome", "failed", QT_ALERT_WEBHOOK=WEBHOOK)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "qt/status/outbox").exists()


@pytest.mark.parametrize("kind", ["a link", "a file"])
def test_an_outbox_that_cannot_be_written_is_a_warning_and_the_audit_goes_on(
    home: Path, tmp_path: Path, kind: str
) -> None:
    box, elsewhere = home / "status/outbox", tmp_path / "elsewhere"
    box.rmdir()
    elsewhere.mkdir()
    if kind == "a link":
        box.symlink_to(elsewhere)
    else:
        box.touch()
    done = cli(home, "log", "Backup - FAILED: x", "--outcome", "failed", QT_ALERT_WEBHOOK=WEBHOOK)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert f"audit: cannot wake the delivery in {box}" in done.stderr
    assert os.listdir(elsewhere) == []
    assert len(check(home)) == 1


def test_a_user_who_may_not_write_there_is_warned_once_and_records_all(user: TemporaryUser) -> None:
    user.home.mkdir()
    os.chown(user.home, user.uid, user.uid)
    box = user.home / "status/outbox"
    succeeded(cli(user.home, "log", "first"))
    box.mkdir(mode=0o700)  # root's
    code = """
    for number in range(3):
        assert log_action(f"Backup {number} - FAILED: x", outcome="failed")
    """
    done = user.program(code, QT_ALERT_WEBHOOK=WEBHOOK)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot wake the delivery") == 1
    assert len(check(user.home)) == 4


def test_what_root_leaves_can_be_read_and_removed_by_the_owner(user: TemporaryUser) -> None:
    box = user.home / "status/outbox"
    box.mkdir(parents=True)
    for path in (user.home, user.home / "status", box):
        os.chown(path, user.uid, user.uid)
        path.chmod(0o700)
    log(user.home, "Backup - FAILED: x", QT_ALERT_WEBHOOK=WEBHOOK)
    assert wake(user.home).stat().st_uid == user.uid


def test_recording_imports_the_rules_only_where_they_may_matter(home: Path) -> None:
    code = """
    def ours():
        ours = ("qt_audit.delivery", "qt_audit.urgency")
        return sorted(name for name in sys.modules if name.startswith(ours))
    log_action("one")
    log_action("two", outcome="succeeded")
    print(ours())
    log_action("three", outcome="failed")
    print(ours(), {"dataclasses", "typing", "inspect", "datetime"} & set(sys.modules))
    """
    said = succeeded(program(home, code, QT_ALERT_WEBHOOK=WEBHOOK))
    assert said == "[]\n['qt_audit.urgency'] set()\n"
