"""`audit_logger.py daily_summary`, `weekly_summary`, `monthly_summary`: printed, filed, once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from qt_audit.record.entry import timestamp
from tests.support.checkout import FACE
from tests.support.records import cli, cli_environment, make_record

RULE = "=" * 60


def days_ago(days: float) -> str:
    return timestamp((time.time_ns() - int(days * 86_400e9)) // 1000)


def today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def yesterday() -> str:
    return (datetime.now(timezone.utc).date() - timedelta(days=1)).isoformat()


def test_the_reports_steps_give_the_reports_lines(tmp_path: Path) -> None:
    actions = [
        "Auto-repair: Created PostgreSQL database quantum",
        "Auto-repair: Retrained XGBoost model to 22 features",
        "Auto-repair: Restarted Grafana container",
        "Weekly self-heal: Started validation cycle",
        "Weekly self-heal: All checks passed",
    ]
    cli(tmp_path, "test")
    for action in actions:
        assert cli(tmp_path, "log", action).stdout == f"✅ Audit logged: {action}\n"
    result = cli(tmp_path, "daily_summary")
    lines = result.stdout.splitlines()
    assert result.returncode == 0
    assert lines[0] == "📊 Generated summary with 6 entries"
    assert lines[2] == f"Quantum Trader V3 – Daily Audit Summary ({lines[2][-11:-1]})"
    assert "📊 Total Actions: 6" in lines
    assert lines[-1] == "✅ 6 auto-repair actions executed"
    begin = lines.index(RULE)
    assert lines[begin - 1] == "Recent Actions:"
    log = (tmp_path / "status/AUTO_REPAIR_AUDIT.log").read_text().splitlines()
    assert lines[begin + 1 : begin + 7] == log
    assert lines[begin + 7 : begin + 9] == [RULE, ""]


def test_what_is_printed_is_filed(tmp_path: Path) -> None:
    make_record(tmp_path, 48, days_ago(2), 3600)
    printed = cli(tmp_path, "daily_summary", "--date", "yesterday").stdout
    reports = tmp_path / "status/reports"
    names = {path.name for path in reports.iterdir()}
    name = next(name for name in names if name.startswith("daily-") and name.endswith(".txt"))
    assert printed.split("\n", 2)[2] == (reports / name).read_text()
    plain = json.loads((reports / name).with_suffix(".json").read_text())
    assert plain["entries"] == 24
    assert plain["complete"]


@pytest.mark.parametrize(
    ("command", "heading", "name"),
    [
        ("daily_summary", "Daily Audit Summary (2026-11-18)", "daily-2026-11-18"),
        ("weekly_summary", "Weekly Audit Summary (2026-11-16 to 2026-11-22)", "weekly-2026-W47"),
        ("monthly_summary", "Monthly Audit Summary (2026-11)", "monthly-2026-11"),
    ],
)
def test_a_date_names_the_period_that_holds_it(tmp_path: Path, command: str, heading: str, name: str) -> None:
    make_record(tmp_path, 30 * 24, "2026-11-01", 3600)
    result = cli(tmp_path, command, "--date", "2026-11-18", "--json")
    plain = json.loads(result.stdout)
    assert plain["period"]["name"] == name
    text = (tmp_path / "status/reports" / f"{name}.txt").read_text()
    assert text.startswith(f"Quantum Trader V3 – {heading}\n")


@pytest.mark.parametrize(
    ("command", "day"),
    [("daily_summary", "2026-08-31"), ("weekly_summary", "2026-09-01"), ("monthly_summary", "2026-08-05")],
)
def test_a_period_that_the_record_cannot_tell_of_is_not_called_quiet(
    tmp_path: Path, command: str, day: str
) -> None:
    make_record(tmp_path, 100, "2026-07-20T00:00:00Z", 86_400)
    filed = cli(tmp_path, command, "--date", day)
    assert filed.returncode == 0, filed.stderr
    before = {path: path.read_bytes() for path in (tmp_path / "status/reports").iterdir()}
    for month in ("2026-07", "2026-08"):  # as retention does
        (tmp_path / f"status/record/{month}.jsonl").unlink()
    gone = cli(tmp_path, command, "--date", day)
    assert gone.returncode == 1
    assert gone.stdout == ""
    assert "no record of" in gone.stderr
    assert len(gone.stderr.splitlines()) == 1
    assert {path: path.read_bytes() for path in (tmp_path / "status/reports").iterdir()} == before
    assert cli(tmp_path, "monthly_summary", "--date", "2026-09-30").returncode == 0


def test_days_before_the_first_entry_are_not_called_quiet(tmp_path: Path) -> None:
    assert "there is no entry" in cli(tmp_path, "daily_summary", "--date", "yesterday").stderr
    cli(tmp_path, "test")
    assert cli(tmp_path, "daily_summary", "--date", "yesterday").returncode == 1


def test_due_summarises_what_is_finished_and_then_keeps_silent(tmp_path: Path) -> None:
    make_record(tmp_path, 72, days_ago(3), 3600)
    first = cli(tmp_path, "daily_summary", "--due")
    headings = [line for line in first.stdout.splitlines() if line.startswith("Quantum Trader V3")]
    assert len(headings) == 3
    assert headings[-1].endswith(f"({yesterday()})")
    again = cli(tmp_path, "daily_summary", "--due")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_due_in_json_is_a_line_a_summary(tmp_path: Path) -> None:
    make_record(tmp_path, 72, days_ago(3), 3600)
    lines = cli(tmp_path, "daily_summary", "--due", "--json").stdout.splitlines()
    assert len(lines) == 3
    assert all(json.loads(line)["scheduled"] for line in lines)


def test_wake_ups_at_the_same_instant_make_one_summary(tmp_path: Path) -> None:
    make_record(tmp_path, 2000, days_ago(3), 120)
    commands = ["daily_summary", "daily_summary", "weekly_summary", "daily_summary"]
    running = [
        subprocess.Popen(
            [sys.executable, str(FACE), command, "--due"],
            env=cli_environment(tmp_path),
            stdout=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    printed = [program.communicate()[0] for program in running]
    assert [program.returncode for program in running] == [0] * 4
    daily = "".join(
        text for text, command in zip(printed, commands, strict=True) if command == "daily_summary"
    )
    headings = [line for line in daily.splitlines() if line.startswith("Quantum Trader V3")]
    assert len(headings) == len(set(headings)) == 3
    assert set(json.loads((tmp_path / "status/reports/ledger.json").read_text())) == {"daily", "weekly"}


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_days_are_utc_in_every_time_zone_and_each_has_one_summary(tmp_path: Path, zone: str) -> None:
    make_record(tmp_path, 2 * 1440, days_ago(2), 60)
    before = today()
    there = cli(tmp_path, "daily_summary", "--due", environ={"TZ": zone})
    assert f"Daily Audit Summary ({yesterday()})" in there.stdout
    assert before != today() or cli(tmp_path, "daily_summary", "--due", environ={"TZ": "UTC"}).stdout == ""
    plain = json.loads(
        cli(tmp_path, "daily_summary", "--date", "yesterday", "--json", environ={"TZ": zone}).stdout
    )
    assert (plain["entries"], plain["period"]["since"][11:]) == (1440, "00:00:00.000000Z")


def test_killed_at_random_moments_every_period_is_filed_and_none_is_lost(tmp_path: Path) -> None:
    make_record(tmp_path, 5000, days_ago(25), 400)
    rounds = 0
    while True:
        program = subprocess.Popen(
            [sys.executable, str(FACE), "daily_summary", "--due"],
            env=cli_environment(tmp_path),
            stdout=subprocess.DEVNULL,
        )
        try:
            status = program.wait(0.05 + 0.004 * rounds)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
            rounds += 1
            continue
        assert status == 0
        break
    assert rounds > 0
    reports = tmp_path / "status/reports"
    days = sorted(path.stem for path in reports.glob("daily-*.json"))
    assert len(days) == 25
    assert all(json.loads((reports / f"{day}.json").read_text())["complete"] for day in days)
    assert days == sorted(path.stem for path in reports.glob("daily-*.txt"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--date", "2026-02-30"], "no date that there is"),
        (["--date", "22.11.2026"], "not a date"),
        (["--date", "2999-01-01"], "lies in the future"),
        (["--date", "9999-12-31"], "lies in the future"),
        (["--date", "2026-11-22", "--due"], "not allowed with"),
    ],
)
@pytest.mark.parametrize("command", ["daily_summary", "weekly_summary", "monthly_summary"])
def test_wrong_use_is_one_line_and_status_2(
    tmp_path: Path, command: str, arguments: list[str], says: str
) -> None:
    result = cli(tmp_path, command, *arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_summary_that_cannot_be_filed_is_printed_all_the_same(tmp_path: Path) -> None:
    make_record(tmp_path, 24, days_ago(1), 3600)
    (tmp_path / "status/reports").write_text("in the way")
    result = cli(tmp_path, "daily_summary")
    assert result.returncode == 1
    assert "📊 Total Actions: " in result.stdout
    assert result.stderr.count("\n") == 1
    assert "status/reports: Not a directory; this summary is not filed" in result.stderr
    due = cli(tmp_path, "daily_summary", "--due")
    assert (due.returncode, due.stdout, due.stderr.count("\n")) == (1, "", 1)


@pytest.mark.usefixtures("as_root")
def test_what_root_files_belongs_to_the_owner_of_the_directory(tmp_path: Path) -> None:
    make_record(tmp_path, 24, days_ago(1), 3600)
    os.chown(tmp_path / "status", 65534, 65534)
    cli(tmp_path, "daily_summary", "--due")
    reports = tmp_path / "status/reports"
    assert {path.stat().st_uid for path in [reports, *reports.iterdir()]} == {65534}
