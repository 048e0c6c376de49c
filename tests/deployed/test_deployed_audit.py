"""The audit tool at work on a deployed VPS: by hand, from a program, by cron, under logrotate, verified."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from tests.deployed.deployment import HOME, Deployment, Host, Said, changed

TOOL = "python3 ~/quantum_trader/tools/audit_logger.py"
LOG = f"{HOME}/status/AUTO_REPAIR_AUDIT.log"
RULE = "=" * 60
# The schedule's finest grain is a minute; a loaded machine may be late.
CRON_PATIENCE_S = 180


@pytest.fixture(scope="module")
def deployment(own_deployment: Deployment) -> Deployment:
    """A copy: these tests turn logs over, change the schedule and record."""
    return own_deployment


def today() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d")


def test_the_reports_test_command_works_as_printed(qt: Host) -> None:
    assert "✅ Audit logged: Test audit entry - system check" in qt.check_output(f"{TOOL} test")


def test_the_reports_statistics_work_as_printed(qt: Host) -> None:
    qt.check_output(f"{TOOL} test")
    said = qt.check_output(f"{TOOL} stats")
    count = int(said.split("📊 Total Entries: ")[1].split()[0])
    assert 0 < int(said.split("📊 Today's Entries: ")[1].split()[0]) <= count
    lines = qt.check_output(f"cat {HOME}/status/record/*.jsonl | wc -l")
    assert count == int(lines)


def test_the_reports_daily_summary_works_as_printed(qt: Host) -> None:
    qt.check_output(f"{TOOL} log 'Auto-repair: Restarted Grafana container' --outcome succeeded")
    said = qt.check_output(f"{TOOL} daily_summary")
    assert f"Quantum Trader V3 – Daily Audit Summary ({today()})" in said
    assert said.count(RULE) == 2
    assert "📊 Total Actions: " in said
    assert "] Auto-repair: Restarted Grafana container" in said
    assert "auto-repair actions executed" in said
    assert "📊 Generated summary with " in said


@pytest.mark.parametrize("name", ["AUTO_REPAIR_AUDIT.log", "audit_summary.log"])
def test_the_reports_log_can_be_followed(qt: Host, name: str) -> None:
    """`tail -f` goes on until it is stopped, with the status of `timeout`."""
    qt.check_output(f"{TOOL} test")
    followed = qt.run(f"timeout 2 tail -f ~/quantum_trader/status/{name}")
    assert (followed.rc, followed.stderr) == (124, "")


def test_the_reports_way_to_check_the_schedule_finds_it(qt: Host) -> None:
    found = qt.check_output("crontab -l | grep audit_logger")
    assert "the schedule is in /etc/cron.d/quantum-trader" in found


def test_the_reports_programmatic_usage_works_as_printed(deployment: Deployment, qt: Host) -> None:
    program = """
# In any Python script
import sys
sys.path.insert(0, '/home/qt/quantum_trader/tools')
from audit_logger import log_action

# Log an action
log_action("Auto-repair: Fixed critical issue")
log_action("System check: All services healthy")
"""
    deployment.vps.machine.run(["python3", "-"], user="qt", stdin=program)
    last = qt.check_output(f"tail -n 2 {LOG}").splitlines()
    assert [line.split("] ", 1)[1] for line in last] == [
        "Auto-repair: Fixed critical issue",
        "System check: All services healthy",
    ]
    assert all(line.startswith(f"[{today()[:4]}-") and line[27] == "Z" for line in last)


def test_the_doctor_finds_all_in_place(qt: Host) -> None:
    qt.check_output(f"{TOOL} test")
    said = qt.run(f"{TOOL} doctor")
    assert said.rc == 0, said.stdout + said.stderr


def test_the_record_is_intact(qt: Host) -> None:
    assert qt.run(f"{TOOL} verify").rc == 0


def test_verify_yml_says_that_the_host_is_well_and_changes_nothing(deployment: Deployment, qt: Host) -> None:
    before = qt.check_output(f"cat {HOME}/status/record/*.jsonl | sha256sum")
    said = deployment.vps.playbook("verify")
    assert said.returncode == 0, said.stdout
    assert "audited is well" in said.stdout
    assert changed(said) == 0
    assert qt.check_output(f"cat {HOME}/status/record/*.jsonl | sha256sum") == before


def test_verify_yml_fails_and_says_why_where_a_host_is_not_well(deployment: Deployment, host: Host) -> None:
    host.check_output(f"chmod 0644 {HOME}/config/audit.env")
    try:
        said = deployment.vps.playbook("verify")
    finally:
        host.check_output(f"chmod 0600 {HOME}/config/audit.env")
    assert said.returncode == 2
    assert "audited is not well" in said.stdout
    assert "audit.env" in said.stdout.split("audited is not well")[1]


def test_logrotate_accepts_its_file(host: Host) -> None:
    said = host.run("logrotate --debug /etc/logrotate.d/quantum-trader")
    assert said.rc == 0
    assert "error:" not in said.stdout + said.stderr
    assert "Handling 2 logs" in said.stderr


def test_a_bad_logrotate_file_does_not_land(deployment: Deployment, host: Host) -> None:
    before = host.check_output("sha256sum /etc/logrotate.d/quantum-trader")
    # logrotate itself says so and ends with status 0.
    unknown = "/nowhere {\n    weakly\n}\n/elsewhere "
    said = deployment.again("--tags", "audit_log", __audit_log_summary_log=unknown)
    assert said.returncode == 2
    assert "unknown option 'weakly'" in said.stdout.replace("''", "'")
    assert host.check_output("sha256sum /etc/logrotate.d/quantum-trader") == before


def test_a_bad_setting_does_not_land_and_is_named_without_its_value(
    deployment: Deployment, host: Host
) -> None:
    before = host.check_output(f"sha256sum {HOME}/config/audit.env")
    said = deployment.again("-vvv", "--diff", audit_log_settings={"QT_LOCK_TIMEOUT": "s3cret-thing"})
    assert said.returncode == 2
    assert "QT_LOCK_TIMEOUT must be a number" in said.stdout
    # What was asked for on the command line is shown by Ansible itself, once.
    assert "s3cret-thing" not in said.stdout.split("PLAY [", 1)[1]
    assert host.check_output(f"sha256sum {HOME}/config/audit.env") == before


def test_forced_rotations_lose_no_line(deployment: Deployment, host: Host, qt: Host) -> None:
    for number in range(3):
        qt.check_output(f"{TOOL} log 'before rotation {number}'")
        host.check_output("logrotate --force /etc/logrotate.d/quantum-trader")
        # An archive is named by the second.
        time.sleep(1.1)
    qt.check_output(f"{TOOL} log 'after the last rotation'")
    # Cron may record meanwhile: what was recorded by now must be there.
    total = int(qt.check_output(f"{TOOL} stats").split("Total Entries: ")[1].split()[0])
    names = host.check_output(f"ls {HOME}/status").splitlines()
    archives = [name for name in names if name.startswith("AUTO_REPAIR_AUDIT.log-")]
    assert sum(name.endswith(".gz") for name in archives) == 2
    assert sum(not name.endswith(".gz") for name in archives) == 1
    text = ""
    for name in [*archives, "AUTO_REPAIR_AUDIT.log"]:
        text += host.check_output(f"{'zcat' if name.endswith('.gz') else 'cat'} {HOME}/status/{name}") + "\n"
    assert len([line for line in text.splitlines() if line]) >= total
    assert "after the last rotation" in host.check_output(f"cat {LOG}")
    assert host.check_output(f"stat -c '%a %U %G' {LOG}") == "640 qt qt"
    doctor = qt.run(f"{TOOL} doctor")
    assert doctor.rc == 0, doctor.stdout


def test_the_user_level_schedule_can_be_installed_twice_and_removed(deployment: Deployment, qt: Host) -> None:
    """It keeps the same block as the role, so that there is never a second schedule beside its own."""
    script = f"{HOME}/scripts/install_audit_cron_user.sh"
    before = qt.check_output("crontab -l")
    qt.check_output("(echo '# mine'; crontab -l) | crontab -")
    try:
        for _time in range(2):
            qt.check_output(script)
        jobs = qt.check_output(f"crontab -l | grep -c '^[0-9*].*{HOME}/tools/audit_logger.py'")
        assert jobs == "5"
        qt.check_output(f"{script} --remove")
        left = qt.check_output("crontab -l")
        assert left.splitlines()[0] == "# mine"
        assert "audit_logger" not in left
    finally:
        deployment.vps.machine.run(["crontab", "-"], user="qt", stdin=before + "\n")


@pytest.fixture
def every_minute(deployment: Deployment) -> Iterator[Said]:
    yield deployment.again("--tags", "audit_log", audit_log_wake_minutes=1)
    deployment.again("--tags", "audit_log")


def test_cron_accepts_the_schedule_and_runs_it(host: Host, every_minute: Said) -> None:
    assert every_minute.returncode == 0, every_minute.stdout
    jobs = ("daily_summary --due", "weekly_summary --due", "monthly_summary --due")
    since = host.check_output("date '+%F %T'")
    log = f"{HOME}/status/audit_summary.log"
    size = int(host.check_output(f"stat -c %s {log}"))
    deadline = time.monotonic() + CRON_PATIENCE_S
    said = ""
    while time.monotonic() < deadline and not all(job in said for job in jobs):
        time.sleep(2)
        said = host.check_output(f"journalctl --unit=cron --since='{since}' --no-pager --output=cat")
    assert [
        job
        for job in jobs
        if f"(qt) CMD (umask 027; /usr/bin/python3 {HOME}/tools/audit_logger.py {job}" not in said
    ] == []
    everything = host.check_output("journalctl --unit=cron --no-pager --output=cat")
    assert "bad " not in everything.lower()
    assert "wrong" not in everything.lower()
    printed = host.check_output(f"tail -c +{size + 1} {log}")
    assert "Traceback" not in printed
    assert "audit_logger.py:" not in printed, printed
