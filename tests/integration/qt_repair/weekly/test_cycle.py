"""A validation cycle on a real installation: what it checks, what it records, what it reports."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support import records as support
from tests.support.weekly import (
    BOUND,
    NAMES,
    actions,
    answer,
    command,
    entries,
    environment,
    install,
    lines,
    noting,
    row,
    run,
    tree,
    verdicts,
)

NOTHING = "nothing to check; name the containers that must run in phases.docker_health.containers"
TRUE = {"name": "true", "run": ["/bin/true"]}


def commands(*tests: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"smoke_tests": {"commands": list(tests), **more}}


def shell(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "run": ["/bin/sh", "-c", script], **more}


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"status": "ok", "database": "broken"}).encode()
        self.send_response(200 if self.path == "/health" else 503)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    """The address of an agent that is up: /health says so, any other path is 503."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "qt"


def test_a_healthy_cycle_writes_the_expected_lines_in_one_run(
    home: Path, tmp_path: Path, server: str
) -> None:
    tree(tmp_path / "src", {"a.py": "import b\n", "b.py": "x = 1\n"})
    health = {"url": f"{server}/health", "expect": {"status": "ok"}}
    phases = {
        "ai_agent": {"health": health},
        "module_integrity": {"trees": [{"path": str(tmp_path / "src")}]},
        **commands(TRUE, http=[{"name": "agent", **health}]),
    }
    done = run(install(home, phases))
    assert done.returncode == 0, done.stdout + done.stderr
    cycle = [entry for entry in entries(home) if "Accept" not in entry["action"]]
    assert [entry["action"] for entry in cycle] == [
        "Weekly self-heal: Started validation cycle",
        "Weekly self-heal: AI Agent validation - PASSED",
        "Weekly self-heal: Module integrity check - PASSED",
        f"Weekly self-heal: Docker health check - SKIPPED: {NOTHING}",
        "Weekly self-heal: Smoke tests - PASSED",
        "Weekly self-heal: Audit trail check - PASSED",
        "Weekly self-heal: Report generated",
        "Weekly self-heal: Completed - ✅ All checks passed",
    ]
    assert {entry["source"] for entry in cycle} == {"weekly_self_heal"}
    assert len({entry["run"] for entry in cycle}) == 1
    assert [entry["outcome"] for entry in cycle] == ["started", *["info"] * 6, "succeeded"]
    report = Path(cycle[-2]["details"]["report"])
    assert report.parent == home / "status/reports"
    assert report.read_text().startswith("# ✅ ")
    plain = json.loads(report.with_suffix(".json").read_text())
    assert list(verdicts(plain)) == list(NAMES)
    assert plain["run"] == cycle[0]["run"]


def test_a_failed_phase_does_not_stop_the_next_and_is_counted(home: Path) -> None:
    phases = {
        **commands(TRUE, shell("broken", "echo cannot open the market; exit 3")),
        "ai_agent": {"health": {"url": "http://127.0.0.1:1/health"}},
    }
    done = run(install(home, phases))
    assert done.returncode == 1
    assert "broken: ended with 3, not 0: cannot open the market" in done.stdout
    assert done.stdout.splitlines()[-2] == "❌ 2 of 3 checks failed"
    recorded = entries(home)
    assert "Weekly self-heal: Audit trail check - PASSED" in actions(home)
    failed = [entry for entry in recorded if entry["outcome"] == "failed"]
    assert [entry["details"].get("phase") for entry in failed] == ["ai_agent", "smoke_tests", None]
    assert failed[-1]["action"] == "Weekly self-heal: Completed - ❌ 2 of 3 checks failed"
    assert recorded[-1] == failed[-1]


@pytest.mark.parametrize(("script", "outcome"), [("true", "succeeded"), ("false", "failed")])
def test_a_summary_counts_a_cycle_once_and_as_it_ended(home: Path, script: str, outcome: str) -> None:
    run(install(home, commands(shell("test", script))))
    summary = json.loads(support.cli(home, "daily_summary", "--json").stdout)
    assert summary["actions"] == 1
    assert summary["by_outcome"] == {outcome: 1}
    assert summary["never_ended"]["count"] == 0
    assert [line["action"] for line in summary["failed"]["lines"]] == (
        ["Weekly self-heal: Completed - ❌ 1 of 2 checks failed"] if outcome == "failed" else []
    )


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ({"name": "t", "run": ["/no/such/program"]}, "t: /no/such/program is not installed"),
        ({"name": "t", "run": ["/etc/passwd"]}, "t: /etc/passwd cannot be run: Permission denied"),
        (shell("t", "exit 4"), "t: ended with 4, not 0"),
        (shell("t", "exit 0", expect_exit=4), "t: ended with 0, not 4"),
        (shell("t", "kill -9 $$"), "t: ended with 137, not 0"),
        (shell("t", "sleep 60", timeout=0.2), "t: sh did not end within 0.2 s"),
        (
            shell("t", "echo no", expect_output="^OK"),
            "t: its output does not have what expect_output asks for",
        ),
    ],
)
def test_a_smoke_test_that_fails_says_how(home: Path, test: dict[str, Any], says: str) -> None:
    found = answer(install(home, commands(TRUE, test)), "--phase", "smoke_tests")
    assert row(found, "smoke_tests")["problems"] == [says]


def test_expected_output_and_exit_status_are_both_checked(home: Path) -> None:
    test = shell("t", "echo first; echo OK 3; exit 7", expect_exit=7, expect_output=r"^OK \d$")
    assert verdicts(answer(install(home, commands(test)))) == {
        **dict.fromkeys(NAMES, "SKIPPED"),
        "smoke_tests": "PASSED",
        "audit_trail": "PASSED",
    }


@pytest.mark.parametrize(
    ("path", "expect", "says"),
    [
        ("/health", {"database": "ok"}, 'answers 200, but database is "broken", not "ok"'),
        ("/other", {}, "answers 503"),
    ],
)
def test_an_address_that_answers_wrongly_is_reported(
    home: Path, server: str, path: str, expect: dict[str, str], says: str
) -> None:
    http = [{"name": "agent", "url": server + path, "expect": expect}]
    found = answer(install(home, {"smoke_tests": {"http": http}}), "--phase", "smoke_tests")
    assert row(found, "smoke_tests")["problems"] == [f"agent: {server}{path} {says}"]


def test_a_phase_that_hangs_is_failed_and_the_others_go_on(home: Path) -> None:
    phases = commands(shell("t", "sleep 60"), timeout=1)
    found = answer(install(home, phases))
    assert row(found, "smoke_tests")["problems"] == ["did not end within 1 s and was stopped"]
    assert verdicts(found)["audit_trail"] == "PASSED"


def test_docker_that_cannot_be_queried_is_a_clear_failure(home: Path) -> None:
    phases = {"docker_health": {"containers": ["no-such-container-of-ours"]}}
    found = answer(install(home, phases), "--phase", "docker_health")
    (problem,) = row(found, "docker_health")["problems"]
    assert problem.startswith("no-such-container-of-ours: cannot tell: ")


def test_a_record_with_a_fault_fails_its_own_check(home: Path) -> None:
    run(install(home, commands(TRUE)))
    segment = next((home / "status/record").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b"Smoke tests - PASSED", b"Smoke tests - passed", 1))
    found = answer(home)
    (problem,) = row(found, "audit_trail")["problems"]
    assert problem.startswith(f"altered: {segment.name}")
    assert "edit and delete nothing" in Path(found["report"]).read_text()


def test_the_installation_is_checked_too(home: Path) -> None:
    run(install(home))
    (home / "config").chmod(0o777)
    found = answer(install(home, {"audit_trail": {"doctor": True}}), "--phase", "audit_trail")
    problems = row(found, "audit_trail")["problems"]
    assert any(problem.startswith(f"directories: {home}/config has mode 0777") for problem in problems)


def test_a_failed_phase_calls_its_repair_and_is_checked_again(home: Path, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    mend = {
        "kind": "command",
        "probe": ["/usr/bin/test", "-e", str(flag)],
        "repair": ["/usr/bin/touch", str(flag)],
        "sentence": "Auto-repair: Put the flag back",
    }
    test = {"name": "flag", "run": ["/usr/bin/test", "-e", str(flag)]}
    phases = commands(test, repairs=["flag"])
    install(home, phases, repairs={"flag": mend})
    assert run(home).returncode == 1
    assert not flag.exists()
    found = answer(home, "--repair")
    assert found["well"], found
    assert verdicts(found)["smoke_tests"] == "PASSED"
    assert [repair["state"] for repair in row(found, "smoke_tests")["repairs"]] == ["repaired"]
    cycle = [entry for entry in entries(home) if entry["run"] == found["run"]]
    said = [entry["action"].removeprefix("Weekly self-heal: ") for entry in cycle]
    assert "Smoke tests - FAILED: flag: ended with 1, not 0" in said
    assert said.index("Smoke tests - PASSED") > said.index("Smoke tests - FAILED: flag: ended with 1, not 0")
    assert cycle[-1]["outcome"] == "succeeded"
    repair = [entry for entry in entries(home) if entry["action"] == mend["sentence"]]
    assert [entry["details"]["trigger"] for entry in repair] == [found["run"]]


def test_a_repair_that_does_not_help_leaves_the_phase_failed(home: Path) -> None:
    mend = {
        "kind": "command",
        "probe": ["/bin/false"],
        "repair": ["/bin/true"],
        "sentence": "Auto-repair: Nothing",
    }
    phases = commands(shell("t", "exit 1"), repairs=["none"])
    found = answer(install(home, phases, repairs={"none": {**mend, "patience": 0}}), "--repair")
    assert verdicts(found)["smoke_tests"] == "FAILED"
    assert [repair["exit_code"] for repair in row(found, "smoke_tests")["repairs"]] == [1]


def test_nothing_is_checked_if_nothing_can_be_recorded_at_home(home: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    install(home, commands({"name": "t", "run": noting(ran)}))
    (home / "status").write_text("in the way")
    done = run(home)
    assert done.returncode == 1
    assert "nothing was checked" in done.stderr
    assert lines(ran) == []
    kept = [path.read_text() for path in (home / "state").rglob("*.jsonl")]
    assert len(kept) == 1
    assert "Weekly self-heal: Not run - " in kept[0]


def test_a_report_that_cannot_be_written_is_a_failure_of_the_cycle(home: Path) -> None:
    run(install(home, commands(TRUE)))
    reports = home / "status/reports"
    reports.rename(home / "status/elsewhere")
    reports.write_text("in the way")
    done = run(home)
    assert done.returncode == 1
    assert "the report cannot be written" in done.stderr
    assert actions(home)[-2].startswith("Weekly self-heal: Report generated - FAILED: ")
    assert actions(home)[-1] == "Weekly self-heal: Completed - ❌ The report cannot be written"
    assert entries(home)[-1]["outcome"] == "failed"


def test_a_phase_that_is_switched_off_is_skipped(home: Path) -> None:
    phases = {name: {"enabled": False} for name in NAMES}
    done = run(install(home, phases))
    assert done.returncode == 0
    assert actions(home)[-1] == "Weekly self-heal: Completed - ⚠️ Nothing was checked: every phase is skipped"
    assert "Weekly self-heal: Smoke tests - SKIPPED: switched off (phases.smoke_tests.enabled)" in actions(
        home
    )


def test_a_dry_run_says_what_would_be_checked_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    install(home, commands({"name": "a dry trade", "run": noting(ran)}))
    done = run(home, "--dry-run", at="2026-11-25T04:00:00.000000Z")
    assert done.returncode == 0
    assert "   a dry trade: sh ends with 0" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "Next by schedule: 2026-11-29 03:00 UTC"
    assert lines(ran) == []
    assert not (home / "status").exists()
    plan = answer(home, "--dry-run", "--phase", "ai_agent")
    assert [row["phase"] for row in plan["phases"]] == ["ai_agent"]
    assert plan["phases"][0]["skipped"].startswith("nothing to check")


def test_no_secret_of_a_command_is_printed_recorded_or_reported(home: Path) -> None:
    test = shell("t", "echo connecting to postgresql://quantum:hunter2@127.0.0.1/q; exit 1")
    install(home, commands(test))
    done = run(home)
    found = run(home, "--json")
    files = [path.read_bytes() for path in (home / "status").rglob("*") if path.is_file()]
    assert "connecting to" in done.stdout
    for text in (done.stdout, done.stderr, found.stdout, *map(repr, files)):
        assert "hunter2" not in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--phase", "docker"], "invalid choice: 'docker'"),
        (["--due", "--phase", "ai_agent"], "--due runs all phases; leave --phase out"),
        (["--due", "--dry-run"], "not allowed with argument"),
        (["--accept"], "there is nothing to accept; name the directories to watch"),
        (["--nonsense"], "unrecognized arguments"),
    ],
)
def test_wrong_use_is_answered_with_what_to_change(home: Path, arguments: list[str], says: str) -> None:
    done = run(install(home), *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (home / "status").exists()


def test_wrong_settings_are_named_and_nothing_runs(home: Path) -> None:
    install(home, {"docker_health": {"containerz": ["grafana"]}})
    done = run(home, "--due")
    assert done.returncode == 2
    assert done.stderr == (
        "weekly_self_heal.py: At 'phases.docker_health.containerz' (weekly_self_heal.yml):"
        " unknown key; did you mean containers?\n"
    )
    assert not (home / "status").exists()


def test_a_configuration_that_others_may_write_is_refused(home: Path) -> None:
    install(home)
    (home / "config/weekly_self_heal.yml").chmod(0o660)
    done = run(home)
    assert done.returncode == 2
    assert "chmod go-w" in done.stderr


def test_a_candidate_is_checked_together_with_what_is_there(home: Path, tmp_path: Path) -> None:
    install(home)
    candidate = tmp_path / "candidate.yml"
    candidate.write_text("phases: {smoke_tests: {repairs: [nobody]}}")
    done = run(home, "check_config", "--replace", f"50-ansible.yml={candidate}")
    assert done.returncode == 2
    assert "At 'phases.smoke_tests.repairs[0]'" in done.stderr
    assert run(home, "check_config", "--explain").returncode == 0


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&- <&-", "| true", ">/dev/full"])
def test_a_cycle_continues_if_nobody_reads_its_output(home: Path, redirection: str) -> None:
    install(home, commands(TRUE))
    script = f'"$@" {redirection}'
    subprocess.run(
        ["/bin/sh", "-c", script, "sh", *command()], env=environment(home), timeout=BOUND, check=False
    )
    deadline = time.monotonic() + BOUND
    last = "Weekly self-heal: Completed - ✅ All checks passed"
    while actions(home)[-1] != last and time.monotonic() < deadline:
        time.sleep(0.02)
    assert actions(home)[-1] == last


def test_its_output_is_readable_in_any_locale(home: Path) -> None:
    install(home, commands(TRUE))
    done = run(home, LC_ALL="C", PYTHONIOENCODING="latin-1", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0
    assert "✅ All checks passed" in done.stdout


def test_help_teaches(home: Path) -> None:
    done = run(install(home), "--help")
    assert done.returncode == 0
    for word in ("--due", "--accept", "--repair", "examples:", "exit status:", "status/reports"):
        assert word in done.stdout
