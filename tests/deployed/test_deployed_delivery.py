"""Delivery on a deployed VPS: at once by systemd, within a minute by cron, and what a dead receiver does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, Host, changed, connect

TOOL = f"python3 {HOME}/tools/audit_logger.py"
UNIT = "quantum-trader-deliver"
TAKEN = "/srv/taken.jsonl"
PATIENCE_S, CRON_PATIENCE_S = 30, 100
RECEIVER = f"""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("{TAKEN}", "ab") as file:
            file.write(body.replace(b"\\n", b" ") + b"\\n")
        self.send_response(204)
        self.end_headers()

ThreadingHTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""


class Delivery:
    """The VPS, and what its receiver took."""

    def __init__(self, vps: Target) -> None:
        self.vps = vps
        self.host, self.qt = connect(vps), connect(vps, "qt")

    def receive(self) -> None:
        self.host.check_output(f"touch {TAKEN}")
        self.host.check_output("systemd-run --unit=receiver /usr/bin/python3 /srv/receiver.py")
        self.until(lambda: self.host.run("ss -Hltn sport = :8099").stdout != "")

    def fail(self, name: str, by: Host | None = None) -> None:
        host = self.qt if by is None else by
        host.check_output(f"{TOOL} log '{name} - FAILED: x' --outcome failed --source me")

    def taken(self) -> list[str]:
        lines = self.host.check_output(f"cat {TAKEN}").splitlines()
        return [json.loads(line)["title"].partition(": ")[2].removesuffix(" - FAILED: x") for line in lines]

    def status(self) -> Any:
        return json.loads(self.qt.run(f"{TOOL} deliver --status --json").stdout)["channels"][0]

    def runs(self) -> int:
        """How often systemd ran it."""
        said = self.host.check_output(f"journalctl --unit={UNIT}.service --no-pager --output=cat")
        return str(said).count("Finished")

    def until(self, reached: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > deadline:
                said = self.host.run(f"journalctl --unit={UNIT}.service --no-pager --output=cat").stdout
                pytest.fail(f"it does not come to that; the unit says:\n{said[-3000:]}", pytrace=False)
            time.sleep(0.5)


@pytest.fixture(scope="module")
def delivery(fresh_vps: Callable[..., Target]) -> Delivery:
    vps = fresh_vps("delivering")
    deployed = vps.playbook(
        "deploy", variables={"audit_log_alert_webhook": "json+http://127.0.0.1:8099/hook"}
    )
    if deployed.returncode != 0:
        pytest.fail(f"the deploy failed:\n{deployed.stdout[-20000:]}", pytrace=False)
    vps.machine.run(["sudo", "tee", "/srv/receiver.py"], stdin=RECEIVER)
    delivery = Delivery(vps)
    delivery.receive()
    return delivery


def test_systemd_accepts_both_units_and_watches(delivery: Delivery) -> None:
    said = delivery.host.run(f"systemd-analyze verify /etc/systemd/system/{UNIT}.service")
    assert (said.rc, said.stderr) == (0, "")
    bounds = delivery.host.check_output(f"systemctl show {UNIT}.service -p MemoryMax -p TasksMax")
    assert sorted(bounds.splitlines()) == [f"MemoryMax={512 << 20}", "TasksMax=64"]
    assert delivery.host.check_output(f"systemctl is-enabled {UNIT}.path") == "enabled"
    assert delivery.host.check_output(f"systemctl is-active {UNIT}.path") == "active"


def test_a_failure_is_told_at_once(delivery: Delivery) -> None:
    before = delivery.runs()
    delivery.fail("At once")
    delivery.until(lambda: "At once" in delivery.taken())
    delivery.until(lambda: delivery.runs() > before)


def test_what_root_records_is_told_too(delivery: Delivery) -> None:
    delivery.fail("By root", delivery.host)
    delivery.until(lambda: "By root" in delivery.taken())


def test_many_in_a_row_do_not_wear_the_wake_up_out(delivery: Delivery) -> None:
    log = f'{TOOL} log "Row $n - FAILED: x" --outcome failed --source me'
    delivery.qt.check_output(f"for n in $(seq 25); do {log}; sleep 0.3; done")
    wanted = [f"Row {number}" for number in range(1, 26)]
    delivery.until(lambda: [title for title in delivery.taken() if title.startswith("Row")] == wanted)
    assert delivery.host.check_output(f"systemctl is-active {UNIT}.path") == "active"


def test_a_dead_receiver_fails_no_unit_and_loses_nothing(delivery: Delivery) -> None:
    delivery.host.check_output("systemctl stop receiver")
    delivery.fail("While it was dead")
    delivery.until(lambda: delivery.status()["waiting"] == 1 and delivery.status()["failures"] >= 1)
    assert delivery.host.run(f"systemctl is-failed {UNIT}.service {UNIT}.path").rc != 0
    delivery.receive()
    assert delivery.qt.run(f"{TOOL} deliver --retry").rc == 0
    assert delivery.taken().count("While it was dead") == 1


def test_without_systemd_cron_tells_it_within_a_minute(delivery: Delivery) -> None:
    delivery.host.check_output(f"systemctl stop {UNIT}.path")
    delivery.fail("By cron")
    delivery.until(lambda: "By cron" in delivery.taken(), CRON_PATIENCE_S)
    delivery.host.check_output(f"systemctl start {UNIT}.path")


def test_a_wake_up_that_cannot_be_taken_does_not_go_round_in_circles(delivery: Delivery) -> None:
    wake = f"{HOME}/status/outbox/wake"
    before = delivery.runs()
    delivery.qt.check_output(f"mkdir {wake}")
    time.sleep(10)
    assert delivery.runs() - before <= 2
    delivery.qt.check_output(f"rmdir {wake}")
    delivery.fail("After that")
    delivery.until(lambda: "After that" in delivery.taken(), CRON_PATIENCE_S)


def test_nothing_was_sent_twice_and_the_outbox_is_empty(delivery: Delivery) -> None:
    lines = delivery.host.check_output(f"cat {TAKEN}").splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    assert len(ids) == len(set(ids))
    assert delivery.status()["waiting"] == 0
    found = delivery.qt.run(f"{TOOL} doctor")
    assert found.rc == 0, found.stdout


def test_a_second_deploy_changes_nothing(delivery: Delivery) -> None:
    again = delivery.vps.playbook(
        "deploy", variables={"audit_log_alert_webhook": "json+http://127.0.0.1:8099/hook"}
    )
    assert again.returncode == 0
    assert changed(again) == 0, again.stdout[-5000:]
