"""How the monitor polls: nothing that hangs delays it; events trigger a poll; --once; a dry run."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.monitoring import NO_REPAIR, TRIGGERED, Installation, ended, wait_for


@pytest.fixture
def host(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_probe_that_hangs_delays_no_other_and_is_named(host: Installation) -> None:
    host.repairs(
        {
            "hangs": {
                "probe": ["/bin/sleep", "600"],
                "repair": ["/bin/true"],
                "sentence": "x",
                "probe_timeout": 500,
            }
        }
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        host.thresholds(
            repair=[{"repair": "hangs", "every": 1, "timeout": 1, "repairs": ["hangs"]}],
            tcp=[{"port": port, "hold": 0}],
        )
        with host.monitor() as monitor:
            wait_for(lambda: host.threshold_status("repair hangs").get("state") == "unknown")
            assert host.threshold_status("repair hangs")["found"] == "no answer within 1 s"
            assert host.threshold_status(f"tcp 127.0.0.1:{port}")["state"] == "ok"
            listening.close()
            host.wait_for_actions(NO_REPAIR)
            monitor.terminate()
            code, errors = ended(monitor)
    assert code == 0
    assert errors.count("repair hangs: cannot tell: no answer within 1 s") == 1


def test_a_server_that_never_answers_is_a_breach_and_delays_nobody(host: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        host.thresholds(
            http=[{"url": address, "timeout": 1, "hold": 0}], memory=[{"trigger": 99, "clear": 98}]
        )
        with host.monitor():
            host.wait_for_actions(f"{NO_REPAIR} ({address}: {address} did not answer within 1 s)")
            assert host.threshold_status("memory")["state"] == "ok"


def test_pressure_triggers_a_poll_at_once(host: Installation) -> None:
    """Between two rounds, which are an hour apart: only the kernel can have told."""
    host.thresholds({"round": 3600}, pressure=[{"resource": "cpu", "trigger": 5, "clear": 1}])
    busy = "while True: pass"
    with host.monitor() as monitor:
        wait_for(lambda: host.status()["pid"] == monitor.pid)
        burning = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(6)]
        try:
            host.wait_for_actions(f"{NO_REPAIR} (pressure cpu some: ")
        finally:
            for process in burning:
                process.kill()
                process.wait()


def test_one_poll_shows_everything_and_records_nothing(host: Installation) -> None:
    host.thresholds(
        load=[{"trigger": 9999, "clear": 9998}],
        memory=[{"trigger": 0.001, "clear": 0}],
        unit=[{"unit": "no-such-unit-anywhere.service"}],
    )
    done = host.run("--once")
    assert done.returncode == 1
    rows = {line.split("  ")[0].strip(): line for line in done.stdout.splitlines()}
    assert list(rows) == ["STATE", "ok", "BREACH", "unknown"]
    assert "memory" in rows["BREACH"]
    answer = json.loads(host.run("--once", "--json").stdout)
    assert answer["in_breach"] == ["memory"]
    assert not (host.home / "status").exists()


def test_one_poll_without_a_breach_exits_with_0(host: Installation) -> None:
    host.thresholds(memory=[{"trigger": 100, "clear": 99}])
    assert host.run("--once").returncode == 0
    host.thresholds()
    assert host.run("--once").returncode == 0


def test_a_dry_run_says_what_it_would_do_and_does_nothing(host: Installation) -> None:
    flag = host.home / "flag"
    host.repairs(
        {
            "flag": {
                "probe": ["/usr/bin/test", "-e", str(flag)],
                "repair": ["/usr/bin/touch", str(flag)],
                "sentence": "x",
            }
        }
    )
    host.thresholds(repair=[{"repair": "flag", "every": 1, "repairs": ["flag"]}])
    with host.monitor("--dry-run") as monitor:
        assert monitor.stderr is not None
        said = monitor.stderr.readline() + monitor.stderr.readline()
        monitor.send_signal(signal.SIGTERM)
        assert ended(monitor)[0] == 0
    assert f"would record: {TRIGGERED} (started)" in said
    assert "auto_repair_system.py --only flag --trigger" in said
    assert not flag.exists()
    assert host.entries() == []


def test_status_reports_that_no_monitor_runs(host: Installation) -> None:
    host.thresholds()
    done = host.run("status")
    assert (done.returncode, done.stdout) == (1, "❌ The realtime monitor does not run\n")


def test_status_shows_the_breach_and_what_the_guard_says(host: Installation) -> None:
    host.repairs(
        {
            "broken": {
                "probe": ["/usr/bin/false"],
                "repair": ["/usr/bin/false"],
                "sentence": "x",
                "freeze_after": 1,
            }
        }
    )
    host.thresholds(
        repair=[{"repair": "broken", "every": 1, "repairs": ["broken"]}], load=[{"trigger": 9999, "clear": 1}]
    )
    with host.monitor():
        host.wait_for_actions(TRIGGERED, "Auto-heal: Failed (exit code 1)")
        wait_for(lambda: host.threshold_status("repair broken").get("repairing") == "")
        shown = host.run("status")
        seen = host.threshold_status("repair broken")
    assert shown.returncode == 1
    assert "✅ The realtime monitor runs (pid " in shown.stdout
    assert seen["state"] == "BREACH"
    assert seen["repairs"]["broken"].startswith("frozen: ")
    assert seen["last_breach"]["until"] is None
    assert seen["run"] == host.breach_entries()[0]["run"]


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["status", "--nonsense"], ["--once", "--dry-run"], ["nonsense"]]
)
def test_wrong_use_exits_with_2(host: Installation, arguments: list[str]) -> None:
    done = host.run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_help_teaches(host: Installation) -> None:
    done = host.run("--help")
    assert done.returncode == 0
    for word in ("status", "check_config", "--once", "--dry-run", "--keep-alive", "SIGHUP", "examples:"):
        assert word in done.stdout
