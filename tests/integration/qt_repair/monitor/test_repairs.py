"""The monitor at work: real things break, are repaired by real processes, and leave their entries."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from qt_audit.record.entry import Entry
from qt_audit.summary import period
from qt_audit.summary.contents import summarise
from tests.support.monitoring import DONE, NO_REPAIR, RECOVERED, TRIGGERED, Installation, wait_for
from tests.support.recording import actions, check, fallback_record, fill, read_record, small_disk


@pytest.fixture
def host(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_breach_is_repaired_and_recovers_in_one_run(host: Installation) -> None:
    flag = host.home / "flag"
    host.repairs(
        {
            "flag": {
                "probe": ["/usr/bin/test", "-e", str(flag)],
                "repair": ["/usr/bin/touch", str(flag)],
                "sentence": "Auto-repair: Raised the flag",
            }
        }
    )
    host.thresholds(repair=[{"repair": "flag", "every": 1, "repairs": ["flag"]}])
    with host.monitor():
        host.wait_for_actions(TRIGGERED, DONE, RECOVERED)
    entries = check(host.home)
    ours = [entry for entry in entries if entry["source"] == "realtime_monitor"]
    repair = [entry for entry in entries if entry["source"] == "auto_repair_system"]
    assert [entry["outcome"] for entry in ours] == ["info", "started", "succeeded", "succeeded"]
    run = ours[1]["run"]
    assert run is not None
    assert [entry["run"] for entry in ours] == [None, run, run, run]
    assert [entry["details"]["trigger"] for entry in repair] == [run, run]
    begun, done = ours[1]["details"], ours[2]["details"]
    assert (begun["threshold"], begun["level"], begun["repairs"]) == ("repair flag", "healthy", ["flag"])
    assert begun["since"] <= ours[1]["ts"]
    assert done["exit_code"] == 0
    assert done["results"][0]["run"] == repair[0]["run"]
    summary = summarise(
        [Entry(**entry) for entry in entries], period.period_at("day", ours[0]["ts"]), ours[-1]["ts"]
    )
    assert (summary.actions, summary.by_outcome) == (3, {"info": 1, "succeeded": 2})
    assert summary.never_ended.count == 0


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"database": "ok"}')

    def log_message(self, format: str, *args: object) -> None:
        """Quietly."""


@contextmanager
def http_server(port: int = 0) -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", port), _Health)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_address_that_does_not_answer_is_a_breach_until_it_does(host: Installation) -> None:
    with http_server() as port:
        pass
    address = f"http://127.0.0.1:{port}/api/health"
    host.thresholds(http=[{"url": address, "expect": {"database": "ok"}, "hold": 0}])
    with host.monitor():
        host.wait_for_actions(f"{NO_REPAIR} ({address}: {address} does not answer: connection refused)")
        with http_server(port):
            host.wait_for_actions(NO_REPAIR, RECOVERED)
    breach, recovery = host.breach_entries()
    assert (breach["outcome"], recovery["outcome"]) == ("failed", "succeeded")
    assert breach["run"] == recovery["run"]


def test_a_port_that_takes_no_connections_is_a_breach_until_it_does(host: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]
    host.thresholds(tcp=[{"port": port, "hold": 0}])
    with host.monitor():
        host.wait_for_actions(NO_REPAIR)
        with socket.create_server(("127.0.0.1", port)):
            host.wait_for_actions(NO_REPAIR, RECOVERED)


def test_a_process_that_is_gone_is_started_again(host: Installation, tmp_path: Path) -> None:
    name = f"qt-{os.getpid()}"
    program = tmp_path / name
    shutil.copy("/bin/sleep", program)
    quiet = "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True"
    starts = f"import subprocess; subprocess.Popen([{str(program)!r}, '600'], {quiet})"
    host.repairs(
        {
            "trader": {
                "probe": ["/usr/bin/pgrep", "-x", name],
                "repair": [sys.executable, "-c", starts],
                "sentence": "Auto-repair: Started the trader",
            }
        }
    )
    host.thresholds(process=[{"process": name, "hold": 0, "repairs": ["trader"]}])
    try:
        with subprocess.Popen([program, "600"]) as process, host.monitor():
            wait_for(lambda: host.threshold_status(f"process {name}").get("state") == "ok")
            process.kill()
            process.wait()
            host.wait_for_actions(TRIGGERED, DONE, RECOVERED)
    finally:
        subprocess.run(["pkill", "-x", name], check=False)


def removing(waste: Path) -> dict[str, Any]:
    """A repair that removes this file."""
    return {
        "probe": ["/usr/bin/test", "!", "-e", str(waste)],
        "repair": ["/usr/bin/rm", str(waste)],
        "sentence": "Auto-repair: Removed the waste",
    }


@pytest.mark.usefixtures("as_root")
def test_a_full_disk_is_cleaned_in_three_entries_of_one_run(host: Installation, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 4096) as disk:
        waste = disk / "waste"
        host.repairs({"small_disk": removing(waste)})
        host.thresholds(
            disk=[
                {"mount": str(disk), "trigger": 80, "clear": 50, "repairs": ["small_disk"], "name": "small"}
            ]
        )
        with host.monitor():
            wait_for(lambda: host.threshold_status("small").get("state") == "ok")
            waste.write_bytes(bytes(3_900_000))
            host.wait_for_actions(TRIGGERED, DONE, RECOVERED)
    begun, _, recovered = host.breach_entries()
    assert len({entry["run"] for entry in host.breach_entries()}) == 1
    assert begun["details"]["value"] >= 80
    assert begun["details"]["level"] == 80
    assert recovered["details"]["value"] <= 50


@pytest.mark.usefixtures("as_root")
def test_a_disk_that_is_full_to_the_last_byte_is_cleaned_though_the_trail_lies_on_it(tmp_path: Path) -> None:
    """Nothing is done unrecorded: what is kept back for this day has room for guard and entries."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        host, waste = Installation(disk), disk / "waste"
        host.repairs({"disk": removing(waste)})
        host.thresholds(
            disk=[{"mount": str(disk), "trigger": 95, "clear": 50, "repairs": ["disk"], "name": "disk"}]
        )
        with host.monitor():
            wait_for(lambda: host.threshold_status("disk").get("state") == "ok")
            wait_for((host.home / "status/.reserve").exists, lambda: "nothing was kept back")
            fill(waste)
            host.wait_for_actions(TRIGGERED, DONE, RECOVERED)
        assert [entry["outcome"] for entry in host.entries() if "waste" in entry["action"]] == [
            "started",
            "succeeded",
        ]
        assert not [entry for entry in host.entries() if "brought_home" in entry["details"]]


def test_a_repair_that_fails_is_recorded_with_its_exit_code(host: Installation) -> None:
    host.repairs(
        {"broken": {"probe": ["/usr/bin/false"], "repair": ["/usr/bin/false"], "sentence": "Auto-repair: No"}}
    )
    host.thresholds(repair=[{"repair": "broken", "every": 1, "repairs": ["broken"]}])
    with host.monitor():
        host.wait_for_actions(TRIGGERED, "Auto-heal: Failed (exit code 1)")
    failed = host.breach_entries()[1]
    assert failed["outcome"] == "failed"
    assert failed["details"]["results"][0]["state"] == "failed"


def test_a_freeze_is_lifted_when_health_lasts_though_no_breach_asks_the_repairs_probe(
    host: Installation,
) -> None:
    flag = host.home / "flag"
    host.repairs(
        {
            "flag": {
                "probe": ["/usr/bin/test", "-e", str(flag)],
                "repair": ["/usr/bin/true"],
                "sentence": "Auto-repair: Raised the flag",
                "freeze_after": 1,
                "thaw_after": 1,
            }
        }
    )
    with http_server() as port:
        pass
    host.thresholds(tcp=[{"port": port, "hold": 0, "repairs": ["flag"]}])
    with host.monitor():
        host.wait_for_entry("Auto-repair: Frozen flag: 1 attempt in a row did not help")
        flag.touch()
        host.wait_for_entry("Auto-repair: Unfrozen flag: healthy for 1 s")


@pytest.mark.usefixtures("as_root")
def test_nothing_is_repaired_without_a_writable_state_and_the_fallback_place_says_so(
    host: Installation,
) -> None:
    flag = host.home / "flag"
    flag.touch()
    host.repairs(
        {
            "flag": {
                "probe": ["/usr/bin/test", "-e", str(flag)],
                "repair": ["/usr/bin/touch", str(flag)],
                "sentence": "Auto-repair: Raised the flag",
            }
        }
    )
    host.thresholds(repair=[{"repair": "flag", "every": 1, "repairs": ["flag"]}])
    emergency = fallback_record(host.home)
    with host.monitor():
        wait_for(lambda: host.threshold_status("repair flag").get("state") == "ok")
        with small_disk(host.home / "status", 64, ",ro"):  # over what was writable until now
            flag.unlink()
            wait_for(emergency.exists)
            wait_for(lambda: len(read_record(emergency)) >= 3)
            said = actions(read_record(emergency))
            assert not flag.exists()
    assert said[0] == TRIGGERED
    assert said[1].startswith("Auto-repair: Nothing done about flag: ")
    assert said[2] == "Auto-heal: Failed (exit code 1)"


def test_breaches_at_the_same_time_are_repaired_one_after_the_other(host: Installation) -> None:
    repairs = {}
    for name in ("one", "two"):
        flag = str(host.home / name)
        repairs[name] = {
            "probe": ["/usr/bin/test", "-e", flag],
            "repair": ["/usr/bin/touch", flag],
            "sentence": f"Auto-repair: Raised {name}",
        }
    host.repairs(repairs)
    host.thresholds(repair=[{"repair": name, "every": 1, "repairs": [name]} for name in repairs])
    with host.monitor():
        wait_for(lambda: len(host.breach_actions()) == 6)
    by_run: dict[str, list[str]] = {}
    for entry in host.breach_entries():
        by_run.setdefault(entry["run"], []).append(entry["action"].partition(" after")[0])
    assert list(by_run.values()) == [[TRIGGERED, DONE, "Auto-heal: Recovered"]] * 2


def test_flapping_is_recorded_once_and_counted(host: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]
    host.thresholds({"flapping": {"changes": 3, "within": 600, "calm": 3}}, tcp=[{"port": port, "hold": 0}])
    name = f"tcp 127.0.0.1:{port}"
    with host.monitor():
        for _ in range(3):
            wait_for(lambda: host.threshold_status(name).get("state") == "BREACH")
            with socket.create_server(("127.0.0.1", port)):
                wait_for(lambda: host.threshold_status(name).get("state") in ("ok", "flapping"))
        with socket.create_server(("127.0.0.1", port)):
            host.wait_for_entry(f"Auto-heal: {name} has stopped flapping")
    said = host.breach_actions()
    assert said[2].startswith(f"Auto-heal: {name} is flapping (3 changes in 10 min)")
    assert len(said) == 4
    assert {entry["run"] for entry in host.breach_entries()[2:]} == {host.breach_entries()[2]["run"]}
