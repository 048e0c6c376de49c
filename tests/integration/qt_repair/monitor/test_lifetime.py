"""The daemon from its start to its end: signals, reloads, restarts after a kill, systemd, a second one."""

from __future__ import annotations

import os
import select
import signal
import socket
from pathlib import Path

import pytest

from tests.support.monitoring import DONE, NO_REPAIR, RECOVERED, TRIGGERED, Installation, ended, wait_for
from tests.support.recording import check

SLOW = "repair slow"


@pytest.fixture
def host(tmp_path: Path) -> Installation:
    """Where a repair takes until the file `go` is there."""
    host = Installation(tmp_path)
    flag, go = host.home / "flag", host.home / "go"
    script = f"touch {host.home}/begun; until [ -e {go} ]; do sleep 0.1; done; touch {flag}"
    host.repairs(
        {
            "slow": {
                "probe": ["/usr/bin/test", "-e", str(flag)],
                "repair": ["/bin/sh", "-c", script],
                "sentence": "Auto-repair: Raised the flag slowly",
            }
        }
    )  # fmt: skip
    host.thresholds(repair=[{"repair": "slow", "every": 1, "repairs": ["slow"]}])
    return host


def abandon(host: Installation) -> None:
    (host.home / "go").touch()


def until_begun(host: Installation) -> None:
    wait_for((host.home / "begun").exists)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(host: Installation, number: signal.Signals) -> None:
    host.thresholds()
    with host.monitor() as monitor:
        host.wait_for_entry("Realtime monitor: Started")
        monitor.send_signal(number)
        assert ended(monitor) == (0, f"realtime_monitor.py: {number.name}: stopping\n")
    assert [entry["action"] for entry in check(host.home)] == [
        "Realtime monitor: Started",
        "Realtime monitor: Stopped",
    ]


def test_a_stop_during_a_repair_leaves_both_closing_entries(host: Installation) -> None:
    with host.monitor() as monitor:
        until_begun(host)
        monitor.terminate()
        assert ended(monitor)[0] == 0
    begun, slow, slow_failed, interrupted, stopped = check(host.home)[1:]
    assert begun["action"] == TRIGGERED
    assert slow["outcome"] == "started"
    assert slow_failed["outcome"] == "failed"
    assert slow_failed["run"] == slow["run"]
    assert "SIGTERM" in slow_failed["action"]
    assert interrupted["action"] == (
        "Auto-heal: Interrupted - the monitor was stopped during the repair (exit code 143)"
    )
    assert (interrupted["outcome"], interrupted["run"]) == ("failed", begun["run"])
    assert stopped["action"] == "Realtime monitor: Stopped"


def test_after_a_stop_the_same_breach_continues_in_its_run(host: Installation) -> None:
    with host.monitor() as monitor:
        until_begun(host)
        monitor.terminate()
        ended(monitor)
    abandon(host)
    with host.monitor():
        host.wait_for_actions(TRIGGERED, "Auto-heal: Interrupted", TRIGGERED, DONE, RECOVERED)
    assert len({entry["run"] for entry in host.breach_entries()}) == 1


def test_after_a_kill_the_unfinished_repair_is_closed_and_the_breach_continues(host: Installation) -> None:
    with host.monitor() as monitor:
        until_begun(host)
        monitor.kill()
        monitor.wait()
        assert host.breach_actions() == [TRIGGERED]
        with host.monitor():
            host.wait_for_actions(
                TRIGGERED, "Auto-heal: Interrupted - the monitor was ended during the repair"
            )
            abandon(host)  # the repair was not killed with the monitor: it ends by itself
            host.wait_for_actions(TRIGGERED, "Auto-heal: Interrupted", RECOVERED)
            wait_for(lambda: host.status()["in_breach"] == [])
    assert len({entry["run"] for entry in host.breach_entries()}) == 1


def test_a_breach_without_repair_is_recorded_once_over_a_kill(host: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]
    host.thresholds(tcp=[{"port": port, "hold": 0}])
    with host.monitor() as monitor:
        host.wait_for_actions(NO_REPAIR)
        monitor.kill()
        monitor.wait()
    with host.monitor() as monitor:
        wait_for(lambda: host.status()["pid"] == monitor.pid)
        with socket.create_server(("127.0.0.1", port)):
            host.wait_for_actions(NO_REPAIR, RECOVERED)


def test_a_damaged_state_file_is_named_and_replaced(host: Installation) -> None:
    host.thresholds()
    (host.home / "status/repair").mkdir(parents=True)
    (host.home / "status/repair/monitor.json").write_text("{")
    with host.monitor() as monitor:
        wait_for(lambda: host.run("status").stdout.startswith("✅"))
        monitor.terminate()
        code, errors = ended(monitor)
    assert code == 0
    assert "monitor.json: is damaged" in errors


def test_a_new_configuration_is_applied_and_a_wrong_one_refused(host: Installation) -> None:
    host.thresholds(memory=[{"trigger": 99, "clear": 98, "name": "first"}])
    with host.monitor() as monitor:
        wait_for(lambda: host.threshold_status("first").get("state") == "ok")
        host.thresholds(memory=[{"trigger": 50, "clear": 98, "name": "wrong"}])
        monitor.send_signal(signal.SIGHUP)
        refused = host.wait_for_entry("Realtime monitor: Refused a new configuration; the old one stays")
        assert host.threshold_status("first")["state"] == "ok"
        host.thresholds(memory=[{"trigger": 98, "clear": 97, "name": "second"}])
        monitor.send_signal(signal.SIGHUP)
        host.wait_for_entry("Realtime monitor: Took up a new configuration")
        wait_for(lambda: [item["name"] for item in host.status()["thresholds"]] == ["second"])
        monitor.terminate()
        _, errors = ended(monitor)
    fault = "At 'thresholds.memory[0].clear' (realtime_monitor.yml): must be below trigger (50)"
    assert f"realtime_monitor.py: the new configuration is refused: {fault}\n" in errors
    assert (refused["outcome"], refused["details"]["faults"]) == ("failed", [fault])


def test_a_breach_that_is_no_longer_watched_ends(host: Installation) -> None:
    host.thresholds(memory=[{"trigger": 0.001, "clear": 0, "hold": 0}])
    with host.monitor() as monitor:
        host.wait_for_actions(NO_REPAIR)
        host.thresholds()
        monitor.send_signal(signal.SIGHUP)
        host.wait_for_actions(NO_REPAIR, "Auto-heal: memory is no longer watched; it was in breach")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (
            "thresholds: {disk: [{mount: /, trigger: 5, clear: 9}]}",
            "At 'thresholds.disk[0].clear' (realtime_monitor.yml): must be below trigger (5)",
        ),
        ("thresholds: [", "realtime_monitor.yml, line 1: "),
        (None, "config/realtime_monitor.yml: does not exist"),
    ],
)
def test_it_does_not_start_with_a_wrong_configuration(
    host: Installation, value: str | None, says: str
) -> None:
    path = host.home / "config/realtime_monitor.yml"
    path.unlink() if value is None else path.write_text(value)
    for arguments in ([], ["--once"], ["check_config"]):
        done = host.run(*arguments)
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert host.entries() == []


def test_a_second_one_ends_and_says_which_one_runs(host: Installation) -> None:
    host.thresholds()
    with host.monitor() as monitor:
        wait_for(lambda: host.status()["running"])
        kept_alive, second = host.run("--keep-alive"), host.run()
        assert (kept_alive.returncode, kept_alive.stdout + kept_alive.stderr) == (0, "")
        assert second.returncode == 1
        assert f"one runs already (pid {monitor.pid})" in second.stderr
    assert [entry["action"] for entry in host.entries()] == ["Realtime monitor: Started"]


def test_systemd_is_notified(host: Installation, tmp_path: Path) -> None:
    host.thresholds(memory=[{"trigger": 0.001, "clear": 0, "hold": 0}])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        told: list[str] = []

        def until_told(beginning: str) -> None:
            while not any(text.startswith(beginning) for text in told):
                told.append(manager.recv(4096).decode())

        environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"}
        with host.monitor(**environ) as monitor:
            until_told("READY=1")
            until_told("STATUS=Watching 1 thresholds; in breach: memory")
            until_told("WATCHDOG=1")
            told.clear()
            monitor.send_signal(signal.SIGHUP)
            until_told("RELOADING=1\nMONOTONIC_USEC=")
            until_told("READY=1")
            monitor.terminate()
            until_told("STOPPING=1")
            assert ended(monitor)[0] == 0


def test_a_blocked_daemon_does_not_ping_the_watchdog(host: Installation, tmp_path: Path) -> None:
    host.thresholds()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "100000"}
        with host.monitor(**environ) as monitor:
            while manager.recv(4096) != b"WATCHDOG=1":
                pass
            os.kill(monitor.pid, signal.SIGSTOP)
            while select.select([manager], [], [], 1)[0]:  # what it had told before
                manager.recv(4096)
            os.kill(monitor.pid, signal.SIGCONT)
            while manager.recv(4096) != b"WATCHDOG=1":
                pass
