"""The checks of `doctor`: their results for a good installation, and for each fault."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qt_audit.doctor.check import OK, WARN, WRONG, Check
from qt_audit.doctor.host import HostPaths, host_checks
from qt_audit.doctor.installation import installation_checks
from qt_audit.doctor.record import record_checks
from qt_audit.record.entry import timestamp
from qt_audit.record.journal import append, seal
from qt_audit.record.place import Place, fallback_places
from qt_audit.settings import loading
from qt_audit.settings.loading import Settings
from tests.support.records import draft, make_record, write_record

DAY = 86_400_000_000


def ago(days: float) -> str:
    return timestamp(time.time_ns() // 1000 - round(days * DAY))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation as a deploy leaves it, with three entries of the last minutes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    home = tmp_path / "quantum_trader"
    home.mkdir(mode=0o750)
    write_record(home, [draft(f"entry {n}", ts=ago(0.001)) for n in range(3)])
    for name, mode in {"config": 0o750, "status/outbox": 0o700, "status/reports": 0o750}.items():
        (home / name).mkdir()
        (home / name).chmod(mode)
    env = home / "config/audit.env"
    env.write_text("QT_SMTP_SERVER=mail.example.com\n")
    env.chmod(0o600)
    return home


def load(home: Path) -> Settings:
    return loading.load(str(home), {})


def state(checks: list[Check], name: str) -> tuple[str, str]:
    found = [check for check in checks if check.name == name]
    worst = sorted(found, key=lambda check: (OK, WARN, WRONG).index(check.state))[-1]
    return worst.state, worst.text


def test_a_good_installation_passes_every_check(home: Path) -> None:
    checks = installation_checks(load(home)) + record_checks(load(home))
    # Entries may wait in /var/tmp, which is the same for all tests on this machine.
    assert [check for check in checks if check.state != OK and check.name != "fallback"] == []
    assert {check.name for check in checks} == {
        *(
            "home",
            "directories",
            "files",
            "settings",
            "record",
            "head",
            "clock",
            "log",
            "fallback",
            "summaries",
        )
    }


def link_instead(path: Path) -> None:
    elsewhere = path.parent.parent / f"moved-{path.name}"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


FAULTS: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "home for all": (lambda home: home.chmod(0o777), "home", WRONG, "chmod go-w"),
    "config for others": (lambda home: (home / "config").chmod(0o755), "directories", WRONG, "chmod 0750"),
    "outbox for the group": (
        lambda home: (home / "status/outbox").chmod(0o750),
        "directories",
        WRONG,
        "chmod 0700",
    ),
    "no outbox": (
        lambda home: (home / "status/outbox").rmdir(),
        "directories",
        WARN,
        "status/outbox missing",
    ),
    "config is a link": (lambda home: link_instead(home / "config"), "directories", WRONG, "not a link"),
    "secrets for all": (lambda home: (home / "config/audit.env").chmod(0o644), "files", WRONG, "chmod 0600"),
    "the log is a link": (
        lambda home: link_instead(home / "status/AUTO_REPAIR_AUDIT.log"),
        "files",
        WRONG,
        "a link",
    ),
    "the head for all": (
        lambda home: (home / "status/record/head").chmod(0o666),
        "files",
        WRONG,
        "chmod 0640",
    ),
    "a malformed setting": (
        lambda home: (home / "config/audit.env").write_text("QT_SMTP_PORT=none\n"),
        "settings",
        WRONG,
        "QT_SMTP_PORT must be",
    ),
    "no head": (lambda home: (home / "status/record/head").unlink(), "head", WRONG, "gone or torn"),
    "a torn head": (
        lambda home: (home / "status/record/head").write_bytes(b"{"),
        "head",
        WRONG,
        "gone or torn",
    ),
    "the last line changed": (
        lambda home: edit(next((home / "status/record").glob("*.jsonl"))),
        "head",
        WRONG,
        "another hash for seq 3",
    ),
    "the tail cut": (
        lambda home: cut(next((home / "status/record").glob("*.jsonl"))),
        "head",
        WRONG,
        "the record ends at seq 2, the head knows of 3",
    ),
    "no log": (lambda home: (home / "status/AUTO_REPAIR_AUDIT.log").unlink(), "log", WRONG, "rebuild_log"),
    "a line of the log gone": (
        lambda home: cut(home / "status/AUTO_REPAIR_AUDIT.log"),
        "log",
        WRONG,
        "1 of the last 3 entries",
    ),
    "a record nobody may write to": (
        lambda home: (home / "status/record").chmod(0o550),
        "record",
        WRONG,
        "chmod 0750",
    ),
    "a damaged ledger": (
        lambda home: (home / "status/reports/ledger.json").write_text("{"),
        "summaries",
        WRONG,
        "ledger",
    ),
    "a summary overdue": (
        lambda home: (home / "status/reports/ledger.json").write_text(
            json.dumps({"daily": {"next": ago(3)[:10]}})
        ),
        "summaries",
        WRONG,
        f"daily since {ago(3)[:10]}",
    ),
}


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"entry 2", b"entry X"))


def cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_installation_is_named_with_its_remedy(
    home: Path, fault: tuple[Callable[[Path], object], str, str, str]
) -> None:
    break_it, name, expected, says = fault
    break_it(home)
    found, text = state(installation_checks(load(home)) + record_checks(load(home)), name)
    assert found == expected
    assert says in text


def test_an_entry_of_the_future_is_a_wrong_clock(tmp_path: Path) -> None:
    write_record(tmp_path, [draft(ts=ago(-1))])
    found, text = state(record_checks(load(tmp_path)), "clock")
    assert found == WRONG
    assert "set the clock" in text


def test_a_period_that_was_sealed_while_the_clock_was_ahead_is_a_wrong_clock(home: Path) -> None:
    until = ago(-40)
    seal(Place(str(home), home=True), until, 1.0)
    found, text = state(record_checks(load(home)), "clock")
    assert found == WRONG
    assert until in text
    assert "set the clock" in text


def test_a_clock_that_was_ahead_and_came_back_is_right_and_is_named(home: Path) -> None:
    place = Place(str(home), home=True)
    append(place, [draft("ahead", ts=ago(-400))], 1.0)
    found, text = state(record_checks(load(home)), "clock")
    assert (found, "if it is right now, it was ahead" in text) == (WRONG, True)
    after = draft("after")
    after.ts = None
    append(place, [after], 1.0)
    checks = record_checks(load(home))
    found, text = state(checks, "clock")
    assert found == OK
    assert "set the clock" not in text
    assert "it was ahead between" in text
    assert "entry 4" in text
    assert state(checks, "head")[0] == state(checks, "log")[0] == OK


def test_entries_of_a_log_that_was_rotated_long_ago_do_not_count_as_missing(home: Path) -> None:
    log = home / "status/AUTO_REPAIR_AUDIT.log"
    for number, line in enumerate(log.read_text().splitlines(keepends=True)[:-1]):
        log.with_name(f"{log.name}-20261123-176200000{number}").write_text(line)
    log.write_text(log.read_text().splitlines(keepends=True)[-1])
    assert state(record_checks(load(home)), "log")[0] == OK


def test_a_rotated_log_counts_as_the_log(home: Path) -> None:
    log = home / "status/AUTO_REPAIR_AUDIT.log"
    log.rename(log.with_name(f"{log.name}-20261123-1762000000"))
    assert state(record_checks(load(home)), "log")[0] == OK


def test_without_a_ledger_a_summary_is_overdue_once_a_day_has_passed(tmp_path: Path) -> None:
    write_record(tmp_path, [draft(ts=ago(3))])
    assert state(record_checks(load(tmp_path)), "summaries")[0] == WRONG


def test_entries_in_a_fallback_place_are_a_warning(home: Path, tmp_path: Path) -> None:
    waiting = Path(fallback_places(str(home))[0].record_path)
    waiting.mkdir(parents=True)
    (waiting / "head").write_bytes(b"")
    assert state(record_checks(load(home)), "fallback")[0] == WARN


def test_nothing_is_created_where_nothing_is(tmp_path: Path) -> None:
    home = tmp_path / "nowhere"
    assert [(check.name, check.state) for check in installation_checks(load(home))] == [("home", WRONG)]
    home.mkdir()
    checks = installation_checks(load(home)) + record_checks(load(home)) + host_checks(str(home), HostPaths())
    assert WRONG in {check.state for check in checks}
    assert list(home.iterdir()) == []


# The host.

CRON = (
    "SHELL=/bin/sh\n"
    "7 * * * * qt /usr/bin/python3 {home}/tools/audit_logger.py daily_summary --due >> /dev/null 2>&1\n"
)
ROTATE = "{home}/status/AUTO_REPAIR_AUDIT.log\n{{\n    su qt qt\n    weekly\n}}\n"


@pytest.fixture
def paths(home: Path, tmp_path: Path) -> HostPaths:
    """A host with a schedule and a rotation."""
    (tmp_path / "quantum-trader").write_text(CRON.format(home=home))
    (tmp_path / "rotate").write_text(ROTATE.format(home=home))
    for name in ("quantum-trader", "rotate"):
        (tmp_path / name).chmod(0o644)
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    return HostPaths(*(str(tmp_path / name) for name in ("quantum-trader", "rotate", "no-proc", "pid")))


def test_a_good_host_passes_every_check(home: Path, paths: HostPaths) -> None:
    checks = host_checks(str(home), paths)
    names = ("schedule", "cron", "logrotate", "disk") if os.geteuid() == 0 else ("cron", "disk")
    assert {name: state(checks, name)[0] for name in names} == dict.fromkeys(names, OK)


HOST_FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "cron: writable by others": (
        lambda base: (base / "quantum-trader").chmod(0o664),
        "schedule",
        "chmod 0644",
    ),
    "cron: no last newline": (
        lambda base: (base / "quantum-trader").write_text((base / "quantum-trader").read_text()[:-1]),
        "schedule",
        "newline",
    ),
    "cron: no summary": (
        lambda base: edit_text(base / "quantum-trader", "daily_summary --due", "archive"),
        "schedule",
        "daily_summary --due",
    ),
    "cron: at midnight, the day that has just begun": (
        lambda base: edit_text(base / "quantum-trader", " --due", ""),
        "schedule",
        "daily_summary --due",
    ),
    "cron: another installation's": (
        lambda base: edit_text(base / "quantum-trader", "quantum_trader/tools", "other/tools"),
        "schedule",
        "nothing is scheduled",
    ),
    "cron: a comment": (
        lambda base: edit_text(base / "quantum-trader", "7 *", "# 7 *"),
        "schedule",
        "nothing is",
    ),
    "cron: daemon gone": (lambda base: (base / "pid").write_text("999999999\n"), "cron", "does not run"),
    "logrotate: gone": (lambda base: (base / "rotate").unlink(), "logrotate", "is missing"),
    "logrotate: writable by others": (lambda base: (base / "rotate").chmod(0o664), "logrotate", "chmod 0644"),
    "logrotate: copytruncate": (
        lambda base: edit_text(base / "rotate", "weekly", "copytruncate"),
        "logrotate",
        "loses lines",
    ),
    "logrotate: another log": (
        lambda base: edit_text(base / "rotate", "AUTO_", "MY_"),
        "logrotate",
        "does not name",
    ),
}


def edit_text(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("fault", HOST_FAULTS.values(), ids=HOST_FAULTS)
def test_a_fault_of_the_host_is_named_with_its_remedy(
    home: Path, paths: HostPaths, tmp_path: Path, fault: tuple[Callable[[Path], object], str, str]
) -> None:
    break_it, name, says = fault
    (tmp_path / "no-proc").mkdir()
    break_it(tmp_path)
    found, text = state(host_checks(str(home), paths), name)
    assert found == WRONG
    assert says in text


def test_a_status_directory_for_its_group_needs_su(home: Path, paths: HostPaths, tmp_path: Path) -> None:
    (home / "status").chmod(0o770)
    edit_text(tmp_path / "rotate", "    su qt qt\n", "")
    assert "`su`" in state(host_checks(str(home), paths), "logrotate")[1]


def test_a_large_record_is_checked_from_its_end(tmp_path: Path) -> None:
    make_record(tmp_path, 20_000, start=ago(1.5), step=1)
    checks = {check.name: check.state for check in record_checks(load(tmp_path))}
    assert (checks["head"], checks["log"], checks["clock"]) == (OK, OK, OK)
