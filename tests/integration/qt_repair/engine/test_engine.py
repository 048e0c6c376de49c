"""The one-shot run as a real process with real commands: recorded before and after, limited, one by one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import SCRIPT, begin, command, configure, run
from tests.support.recording import (
    TemporaryUser,
    actions,
    cli,
    environment,
    fallback_record,
    read_record,
    record_of,
    state,
    temporary_user,
)

PATIENCE_S = 60.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "qt"


def entries(home: Path) -> list[dict[str, Any]]:
    return read_record(record_of(home)) if record_of(home).exists() else []


def outcomes(home: Path) -> list[str]:
    return [entry["outcome"] for entry in entries(home)]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.02)


def flag(home: Path, **more: Any) -> dict[str, Any]:
    """Broken until it is mended once."""
    return command(f"test -e {home}/flag", f"touch {home}/flag; echo touched", **more)


def test_what_is_healthy_is_left_alone_and_not_recorded(home: Path) -> None:
    configure(home, {"repairs": {"fine": command("true", f"touch {home}/acted")}})
    done = run(home)
    assert (done.returncode, entries(home)) == (0, [])
    assert not (home / "acted").exists()


def test_a_repair_is_recorded_before_and_after_with_what_was_seen(home: Path) -> None:
    configure(home, {"repairs": {"flag": flag(home)}})
    assert run(home, "--trigger", "a test").returncode == 0
    began, ended = entries(home)
    assert (began["action"], began["outcome"]) == ("Auto-repair: Repairing it", "started")
    assert (ended["action"], ended["outcome"]) == ("Auto-repair: Repaired it", "succeeded")
    assert began["run"] == ended["run"]
    assert {began["source"], ended["source"]} == {"auto_repair_system"}
    assert began["details"] == {
        "repair": "flag",
        "kind": "command",
        "before": "sh ended with 1",
        "trigger": "a test",
    }
    assert ended["details"]["after"] == "sh ended with 0"
    assert (ended["details"]["exit_code"], ended["details"]["output"]) == (0, "touched")
    assert ended["details"]["duration_s"] >= 0


def test_the_entry_that_begins_it_is_on_disk_before_anything_is_done(home: Path) -> None:
    configure(
        home,
        {"repairs": {"flag": command(f"test -e {home}/copy", f"cp -r {home}/status/record {home}/copy")}},
    )
    assert run(home).returncode == 0
    assert actions(read_record(home / "copy")) == ["Auto-repair: Repairing it"]


def test_a_repair_that_ends_well_and_does_not_help_has_failed(home: Path) -> None:
    configure(home, {"repairs": {"hopeless": command("exit 4", "true")}})
    done = run(home)
    assert done.returncode == 1
    assert (
        entries(home)[-1]["action"] == "Auto-repair: Repaired it - FAILED: it did not help: sh ended with 4"
    )
    assert outcomes(home) == ["started", "failed"]


def test_a_repair_that_fails_says_how_and_keeps_the_end_of_its_output(home: Path) -> None:
    configure(home, {"repairs": {"broken": command("false", "echo no space left; exit 7")}})
    assert run(home).returncode == 1
    ended = entries(home)[-1]
    assert ended["details"]["exit_code"] == 7
    assert "no space left" in ended["details"]["output"]
    assert ended["action"].startswith("Auto-repair: Repaired it - FAILED: ")


def test_health_that_comes_late_is_waited_for(home: Path) -> None:
    late = f"(sleep 1; touch {home}/flag) &"
    configure(home, {"repairs": {"late": command(f"test -e {home}/flag", late, patience=30)}})
    assert run(home).returncode == 0
    assert entries(home)[-1]["details"]["probes"] > 1


def test_several_problems_are_all_handled_and_one_that_fails_stops_none(home: Path) -> None:
    repairs = {
        "first": command("false", "exit 1"),
        "second": command("/no/such/probe", "true") | {"probe": ["/no/such/probe"]},
        "third": flag(home),
    }
    configure(home, {"repairs": repairs})
    done = run(home, "--json")
    assert done.returncode == 1
    states = {result["name"]: result["state"] for result in json.loads(done.stdout)["results"]}
    assert states == {"first": "failed", "second": "unknown", "third": "repaired"}


@pytest.mark.parametrize("option", ["--probe", "--dry-run"])
def test_a_probe_changes_nothing(home: Path, option: str) -> None:
    configure(home, {"repairs": {"flag": flag(home)}})
    done = run(home, option)
    assert (done.returncode, entries(home), (home / "flag").exists()) == (1, [], False)


def test_a_dry_run_says_what_it_would_do(home: Path) -> None:
    configure(home, {"repairs": {"flag": flag(home)}})
    assert "would record and do: Auto-repair: Repairing it" in run(home, "--dry-run").stdout


def test_only_what_is_named_is_repaired(home: Path) -> None:
    configure(home, {"repairs": {"flag": flag(home), "broken": command("false", "true")}})
    assert run(home, "--only", "flag").returncode == 0
    assert {entry["details"]["repair"] for entry in entries(home)} == {"flag"}


def test_a_disabled_repair_is_neither_probed_nor_named(home: Path) -> None:
    configure(home, {"repairs": {"off": command(f"touch {home}/looked", "true", enabled=False)}})
    assert run(home).returncode == 0
    assert not (home / "looked").exists()
    said = run(home, "--only", "off")
    assert (said.returncode, said.stderr) == (
        2,
        "auto_repair_system.py: off is switched off (enabled: false); there are: none\n",
    )


def test_repairs_in_a_row_that_do_not_help_freeze_with_one_escalation(home: Path) -> None:
    configure(home, {"repairs": {"hopeless": command("false", "true", freeze_after=2, max_per_hour=20)}})
    for _ in range(4):
        assert run(home).returncode == 1
    assert outcomes(home) == ["started", "failed", "started", "failed", "failed"]
    frozen = entries(home)[-1]
    assert frozen["action"] == "Auto-repair: Frozen hopeless: 2 attempts in a row did not help"
    assert frozen["details"]["escalation"] is True


def test_a_freeze_can_be_lifted_by_hand_and_that_is_recorded(home: Path) -> None:
    configure(home, {"repairs": {"hopeless": command("false", "true", freeze_after=1)}})
    run(home)
    assert run(home, "--unfreeze", "hopeless").returncode == 0
    assert entries(home)[-1]["action"] == "Auto-repair: Unfrozen hopeless by hand"
    count = len(entries(home))
    run(home)
    assert outcomes(home)[count:] == ["started", "failed", "failed"]


def test_a_freeze_is_lifted_when_health_is_seen(home: Path) -> None:
    hopeless = command(f"test -e {home}/flag", "true", freeze_after=1, thaw_after=0)
    configure(home, {"repairs": {"hopeless": hopeless}})
    run(home)
    (home / "flag").touch()
    assert run(home, "--probe").returncode == 0
    assert entries(home)[-1]["action"] == "Auto-repair: Unfrozen hopeless: healthy for 0 s"


def test_the_cooldown_holds_over_programs_and_force_does_not_wait(home: Path) -> None:
    configure(home, {"repairs": {"flag": flag(home, cooldown=600)}})
    run(home)
    (home / "flag").unlink()
    held = run(home)
    assert (held.returncode, len(entries(home))) == (1, 2)
    assert "cooling down for another" in held.stdout
    (answer,) = json.loads(run(home, "--json").stdout)["results"]
    assert 0 < answer["details"]["wait_s"] <= 600
    assert run(home, "--force").returncode == 0


def test_one_program_repairs_at_a_time_and_the_other_names_it(home: Path) -> None:
    slow = command(f"test -e {home}/flag", f"touch {home}/began; sleep 60; touch {home}/flag")
    configure(home, {"guard": {"lock_wait": 0}, "repairs": {"slow": slow, "quick": flag(home)}})
    first = begin(home, "--only", "slow")
    try:
        wait_for(home / "began")
        second = run(home, "--only", "quick")
        assert second.returncode == 1
        assert f"auto_repair_system (pid {first.pid}) repairs slow since 20" in second.stdout
        assert f"(pid {first.pid}) repairs slow now" in run(home, "--list").stdout
    finally:
        first.terminate()
        first.communicate(timeout=PATIENCE_S)


def test_a_request_to_stop_ends_a_repair_with_its_closing_entry(home: Path) -> None:
    slow = command("false", f"echo $$ > {home}/pid.new; mv {home}/pid.new {home}/pid; exec sleep 600")
    configure(home, {"repairs": {"slow": slow}})
    running = begin(home)
    wait_for(home / "pid")
    running.terminate()
    _, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 128 + signal.SIGTERM
    assert err == "auto_repair_system.py: stopped by SIGTERM; what it began may not have ended\n"
    assert outcomes(home) == ["started", "failed"]
    assert "FAILED: stopped by SIGTERM" in entries(home)[-1]["action"]
    assert not Path(f"/proc/{(home / 'pid').read_text().strip()}").exists()


def test_a_killed_repair_leaves_its_first_entry_a_free_lock_and_a_counted_attempt(home: Path) -> None:
    slow = command(
        "false", f"echo $$ > {home}/pid.new; mv {home}/pid.new {home}/pid; exec sleep 600", freeze_after=1
    )
    configure(home, {"guard": {"lock_wait": 0}, "repairs": {"slow": slow}})
    running = begin(home)
    wait_for(home / "pid")
    running.kill()
    running.communicate(timeout=PATIENCE_S)
    os.kill(int((home / "pid").read_text()), signal.SIGKILL)
    assert outcomes(home) == ["started"]
    done = run(home)
    assert "frozen: 1 attempt in a row did not help" in done.stdout
    assert "never ended: 1" in cli(home, "daily_summary").stdout


@pytest.mark.usefixtures("as_root")
def test_nothing_is_repaired_without_a_writable_state_and_the_fallback_place_says_so() -> None:
    with temporary_user() as user:
        home = user.home
        configure(home, {"repairs": {"flag": flag(home)}})
        for path in (home, home / "config", home / "config/auto_repair_system.d"):
            os.chown(path, user.uid, user.uid)
        (home / "status").chmod(0o555)
        done = _run_as(user, home)
        assert done.returncode == 1, done.stderr
        assert not (home / "flag").exists()
        (entry,) = read_record(fallback_record(home))
        assert entry["action"].startswith("Auto-repair: Nothing done about flag: ")
        assert entry["outcome"] == "failed"


@pytest.mark.usefixtures("as_root")
def test_a_repair_that_could_not_be_recorded_counts_as_no_attempt() -> None:
    with temporary_user() as user:
        home = user.home
        configure(home, {"repairs": {"flag": flag(home, freeze_after=1, cooldown=0)}})
        for path in (home, home / "config", home / "config/auto_repair_system.d", home / "status"):
            os.chown(path, user.uid, user.uid)
        nowhere = [home / "status/record", state(home), user.var_tmp_fallback]
        for path in nowhere:
            path.mkdir(mode=0o755)  # root's
        try:
            refused = _run_as(user, home)
        finally:
            for path in nowhere:
                path.rmdir()
        assert (refused.returncode, (home / "flag").exists()) == (1, False)
        assert "not repaired: the audit trail cannot be written in any place" in refused.stdout
        done = _run_as(user, home)
        assert done.returncode == 0, done.stdout
        assert actions(entries(home)) == ["Auto-repair: Repairing it", "Auto-repair: Repaired it"]


def _run_as(user: TemporaryUser, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*user.prefix, sys.executable, str(SCRIPT)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_a_secret_in_a_programs_output_reaches_neither_record_nor_screen(home: Path) -> None:
    configure(home, {"repairs": {"leaky": command("false", "echo password=hunter2; exit 1")}})
    done = run(home, "--json")
    assert "hunter2" not in done.stdout + done.stderr
    assert b"hunter2" not in next(record_of(home).glob("*.jsonl")).read_bytes()


def test_output_of_a_program_cannot_control_the_terminal(home: Path) -> None:
    broken = command(r"printf 'x\033[2J\n'; false", r"printf '\033]0;y\007\n'; exit 1")
    configure(home, {"repairs": {"broken": broken}})
    done = run(home), run(home, "--dry-run")
    assert r"\x1b]0;y\x07" in done[0].stdout
    assert r"x\x1b[2J" in done[1].stdout


def test_the_result_is_reported_even_if_the_guard_cannot_write(home: Path) -> None:
    memory = f"{home}/status/repair/guard.json"
    mending = f"touch {home}/flag; rm {memory}; mkdir {memory}"
    configure(home, {"repairs": {"flag": command(f"test -e {home}/flag", mending)}})
    done = run(home, "--json")
    assert actions(entries(home)) == ["Auto-repair: Repairing it", "Auto-repair: Repaired it"]
    result = json.loads(done.stdout)["results"][0]
    assert (done.returncode, result["state"]) == (0, "repaired")
    assert "guard.json: what was tried before cannot be kept" in result["text"]


def test_a_repair_whose_end_cannot_be_recorded_is_not_reported_as_refused(home: Path) -> None:
    """The disk fills up while it runs: no file can grow any more."""
    full = f"touch {home}/flag; prlimit --pid $PPID --fsize=0:0"
    repairs = {"flag": command(f"test -e {home}/flag", full), "next": command("false", "true")}
    configure(home, {"repairs": repairs})
    done = run(home, "--json")
    first, second = json.loads(done.stdout)["results"]
    assert (done.returncode, first["state"], second["state"]) == (1, "failed", "refused")
    assert first["text"].startswith("Auto-repair: Repaired it; how it ended is not in the record")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "nothing"], "nothing is not configured; there are: flag"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--probe", "--dry-run"], "not allowed with argument"),
        (["--only", "flag", "--unfreeze", "flag"], "--unfreeze names the repairs itself; leave --only out"),
    ],
)
def test_wrong_use_is_one_clear_line(home: Path, arguments: list[str], says: str) -> None:
    configure(home, {"repairs": {"flag": flag(home)}})
    done = run(home, *arguments)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]
