"""Once a week, also after a night off, never twice, and again after a kill: with real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.weekly import BOUND, actions, entries, install, lines, noting, run, start

BEFORE = "2026-11-28T12:00:00.000000Z"
SUNDAY = "2026-11-29T03:10:00.000000Z"
MONDAY = "2026-11-30T09:00:00.000000Z"
NEXT = "2026-12-06T03:00:00.000000Z"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation that has seen its first wake-up, with a smoke test that notes its runs."""
    home = tmp_path / "qt"
    install(home, {"smoke_tests": {"commands": [{"name": "note", "run": noting(tmp_path / "ran")}]}})
    first = run(home, "--due", at=BEFORE)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    return home


def runs(home: Path) -> int:
    return len(lines(home.parent / "ran"))


def reports(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "status/reports").glob("weekly-self-heal-*"))


def test_a_new_installation_waits_for_its_time(home: Path) -> None:
    assert runs(home) == 0
    assert actions(home) == []


def test_it_runs_once_a_week(home: Path) -> None:
    assert run(home, "--due", at=SUNDAY).returncode == 0
    for later in (SUNDAY, MONDAY, "2026-12-06T02:59:59.000000Z"):
        done = run(home, "--due", at=later)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert runs(home) == 1
    assert reports(home) == ["weekly-self-heal-2026-W48.json", "weekly-self-heal-2026-W48.md"]
    run(home, "--due", at=NEXT)
    assert runs(home) == 2
    assert "weekly-self-heal-2026-W49.md" in reports(home)


def test_it_runs_after_a_night_off(home: Path) -> None:
    run(home, "--due", at=MONDAY)
    assert runs(home) == 1
    assert "weekly-self-heal-2026-W48.md" in reports(home)


def test_a_cycle_that_failed_is_not_repeated(home: Path) -> None:
    install(home, {"smoke_tests": {"commands": [{"name": "t", "run": ["/bin/false"]}]}})
    assert run(home, "--due", at=SUNDAY).returncode == 1
    assert run(home, "--due", at=MONDAY).stdout == ""


def test_simultaneous_calls_run_it_once(home: Path) -> None:
    processes = [start(home, "--due", at=SUNDAY) for _ in range(6)]
    try:
        ended = [(process.communicate(timeout=BOUND), process.returncode) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert runs(home) == 1
    assert [code for _, code in ended] == [0] * 6
    assert sum(bool(out) for (out, _), _ in ended) == 1
    assert actions(home).count("Weekly self-heal: Started validation cycle") == 1


def test_a_run_by_hand_of_all_phases_counts_as_the_weeks(home: Path) -> None:
    assert run(home, at=MONDAY).returncode == 0
    assert run(home, "--due", at=MONDAY).stdout == ""
    assert runs(home) == 1
    assert "weekly-self-heal-2026-W48.md" in reports(home)


def test_a_run_of_some_phases_does_not_count(home: Path) -> None:
    assert run(home, "--phase", "smoke_tests", at=MONDAY).returncode == 0
    run(home, "--due", at=MONDAY)
    assert runs(home) == 2


def test_a_second_run_by_hand_overwrites_no_report(home: Path) -> None:
    run(home, "--due", at=SUNDAY)
    report = home / "status/reports/weekly-self-heal-2026-W48.md"
    before = report.read_text()
    assert run(home, at=MONDAY).returncode == 0
    assert report.read_text() == before
    assert len(reports(home)) == 4


# Killed, stopped, in each other's way.


@contextmanager
def half_way(home: Path, *arguments: str, at: str = SUNDAY) -> Iterator[subprocess.Popen[str]]:
    """A cycle in the middle of a smoke test that takes its time."""
    running = home.parent / "running"
    script = 'echo run >> "$0"; sleep 60'
    tests = [{"name": "slow", "run": ["/bin/sh", "-c", script, str(running)]}]
    install(home, {"smoke_tests": {"commands": tests}})
    process = start(home, *arguments, at=at)
    try:
        deadline = time.monotonic() + BOUND
        while not lines(running) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        assert lines(running)
        quick = [{"name": "note", "run": noting(home.parent / "ran")}]
        install(home, {"smoke_tests": {"commands": quick}})
        yield process
    finally:
        process.kill()
        process.communicate()


def due_until_it_ran(home: Path, at: str = SUNDAY) -> subprocess.CompletedProcess[str]:
    """Wake-ups as cron makes them, until one has something to say: what was killed takes a moment."""
    deadline = time.monotonic() + BOUND
    while True:
        done = run(home, "--due", at=at)
        if done.stdout or time.monotonic() > deadline:
            return done
        time.sleep(0.05)


def of(home: Path, run_id: str) -> list[dict[str, Any]]:
    return [entry for entry in entries(home) if entry["run"] == run_id]


def last_report(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "status/reports/weekly-self-heal-2026-W48.json").read_text())
    return found


def test_a_killed_cycle_is_run_again_and_that_is_recorded(home: Path) -> None:
    with half_way(home, "--due") as process:
        process.send_signal(signal.SIGKILL)
    killed = entries(home)[-1]["run"]
    assert due_until_it_ran(home).returncode == 0
    assert runs(home) == 1
    assert of(home, killed)[-1]["outcome"] == "failed"
    assert of(home, killed)[-1]["action"].startswith(
        "Weekly self-heal: Interrupted - the validation cycle of "
    )
    assert last_report(home)["instead_of"] == killed
    assert of(home, last_report(home)["run"])[0]["details"]["instead_of"] == killed
    assert run(home, "--due", at=MONDAY).stdout == ""


def test_a_cycle_that_is_killed_each_time_is_given_up_until_the_next_week(home: Path) -> None:
    with half_way(home, "--due") as process:
        process.send_signal(signal.SIGKILL)
    ledger = home / "status/repair/weekly.json"
    plain = json.loads(ledger.read_text())
    assert plain["running"]["attempt"] == 1
    plain["running"]["attempt"] = 5
    ledger.write_text(json.dumps(plain))
    deadline = time.monotonic() + BOUND
    while not (done := run(home, "--due", at=SUNDAY)).stderr and time.monotonic() < deadline:
        time.sleep(0.05)
    assert done.returncode == 1
    assert "given up: the cycle of 2026-11-29T03:00Z was interrupted 5 times" in done.stderr
    assert actions(home)[-1].startswith("Weekly self-heal: Given up - ")
    assert run(home, "--due", at=MONDAY).stderr == ""
    assert runs(home) == 0
    run(home, "--due", at=NEXT)
    assert runs(home) == 1


def test_a_stopped_cycle_records_that_and_is_run_again(home: Path) -> None:
    with half_way(home, "--due") as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=BOUND)
        assert process.returncode == 128 + signal.SIGTERM
    assert err.count("\n") == 1
    stopped = entries(home)[-1]
    assert stopped["action"].startswith("Weekly self-heal: Interrupted - stopped by SIGTERM")
    assert stopped["outcome"] == "failed"
    assert due_until_it_ran(home).returncode == 0
    assert last_report(home)["instead_of"] == stopped["run"]
    assert sum(action.startswith("Weekly self-heal: Interrupted") for action in actions(home)) == 1


def test_a_cycle_killed_after_its_last_entry_is_done(home: Path) -> None:
    run(home, "--due", at=SUNDAY)
    slot = "2026-11-29T03:00:00.000000Z"
    done = entries(home)
    ledger = home / "status/repair/weekly.json"
    running = {"run": done[0]["run"], "began": done[0]["ts"], "slot": slot}
    ledger.write_text(json.dumps({"done": "2026-11-22T03:00:00.000000Z", "running": running}))
    assert run(home, "--due", at=SUNDAY).stdout == ""
    assert entries(home) == done
    assert json.loads(ledger.read_text()) == {"done": slot}


def test_a_killed_run_by_hand_is_closed_by_the_next_scheduled_call(home: Path) -> None:
    run(home, "--due", at=SUNDAY)
    before = runs(home)
    with half_way(home, at=MONDAY) as process:
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + BOUND
    while "Interrupted" not in actions(home)[-1] and time.monotonic() < deadline:
        assert run(home, "--due", at=MONDAY).stdout == ""
    assert entries(home)[-1]["outcome"] == "failed"
    assert runs(home) == before


def test_a_run_by_hand_beside_another_is_told_to_wait(home: Path) -> None:
    with half_way(home, "--due"):
        done = run(home, at=SUNDAY)
        assert done.returncode == 1
        assert "another validation cycle is running since " in done.stderr
        quiet = run(home, "--due", at=SUNDAY)
        assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert runs(home) == 0


def test_a_damaged_ledger_is_set_aside_and_nothing_is_repeated(home: Path) -> None:
    run(home, "--due", at=SUNDAY)
    ledger = home / "status/repair/weekly.json"
    ledger.write_text("{")
    done = run(home, "--due", at=SUNDAY)
    assert done.stdout == ""
    assert "weekly.json.damaged" in done.stderr
    assert run(home, "--due", at=SUNDAY).stderr == ""
    run(home, "--due", at=NEXT)
    assert runs(home) == 2


def test_after_a_lost_ledger_nothing_is_repeated(home: Path) -> None:
    run(home, "--due", at=SUNDAY)
    (home / "status/repair/weekly.json").unlink()
    assert run(home, "--due", at=MONDAY).stdout == ""
    assert runs(home) == 1


def test_settings_that_cannot_be_read_when_it_is_due_are_recorded_once_a_day(home: Path) -> None:
    (home / "config/weekly_self_heal.yml").write_text("phases: {smoke_test: {}}")
    assert run(home, "--due", at=BEFORE).returncode == 2
    assert actions(home) == []
    for _ in range(3):
        done = run(home, "--due", at=SUNDAY)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
    (entry,) = entries(home)
    assert entry["outcome"] == "failed"
    assert entry["action"].startswith(
        "Weekly self-heal: Not run - At 'phases.smoke_test' (weekly_self_heal.yml)"
    )


def test_the_schedule_says_when_it_is_due(home: Path) -> None:
    install(home, {}, schedule={"day": "wednesday", "time": "21:30"})
    done = run(home, "--dry-run", at=SUNDAY)
    assert done.stdout.splitlines()[-1] == "Next by schedule: now"
    run(home, "--due", at=SUNDAY)
    plan = json.loads(run(home, "--dry-run", "--json", at=SUNDAY).stdout)
    assert (plan["due"], plan["next"]) == (False, "2026-12-02T21:30:00.000000Z")
