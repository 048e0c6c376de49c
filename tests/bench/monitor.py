"""What the realtime monitor costs and how soon it sees a dead container, beside Monit on the same VPS.

Both watch the same ten things in the same round of five seconds, at the same time; what is counted is each
one's whole service, with the programs that it runs. Needs the sandbox, and so root.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.places import REPOSITORY
from sandbox.target import Target
from tests.bench.table import Row, median, paired_ratio, progress

ROUND_S = 5
MONITOR, MONIT = "quantum-trader-monitor.service", "monit.service"
# Monit is started by a script of the old kind: systemd knows no main process of it.
PIDS = (f"systemctl show --property=MainPID --value {MONITOR}", "pidof monit")
HOME = "/home/qt/quantum_trader"
THRESHOLDS = {
    "cpu": [{"trigger": 95, "clear": 80}],
    "load": [{"trigger": 4, "clear": 2}],
    "memory": [{"trigger": 95, "clear": 90}],
    "swap": [{"trigger": 90, "clear": 80}],
    "disk": [{"mount": "/", "trigger": 95, "clear": 90}],
    "inodes": [{"mount": "/", "trigger": 95, "clear": 90}],
    "process": [{"process": "sshd"}],
    "tcp": [{"port": 22}],
    "http": [{"url": "http://127.0.0.1:3000/api/health", "expect": {"database": "ok"}}],
    "container": [{"container": "grafana", "name": "Grafana", "repairs": ["grafana"]}],
}
MONITRC = f"""
set daemon {ROUND_S}
set logfile syslog
set pidfile /run/monit.pid
set idfile /var/lib/monit/id
set statefile /var/lib/monit/state
check system vps
  if cpu usage > 95% for 24 cycles then alert
  if loadavg (1min) > 8 for 60 cycles then alert
  if memory usage > 95% for 12 cycles then alert
  if swap usage > 90% for 12 cycles then alert
check filesystem root with path /
  if space usage > 95% then alert
  if inode usage > 95% then alert
check process sshd matching "sshd"
check host ssh with address 127.0.0.1
  if failed port 22 with timeout 3 seconds for 2 cycles then alert
check host grafana_http with address 127.0.0.1
  if failed port 3000 protocol http request "/api/health" with timeout 5 seconds for 3 cycles then alert
check program grafana with path "/usr/local/bin/grafana_runs"
  if status != 0 then exec "/bin/sh -c 'date +%s.%N > /run/monit_saw_it'"
"""
RUNS = "#!/bin/sh\n[ \"$(docker inspect --format '{{.State.Running}}' grafana)\" = true ]\n"


@dataclass(frozen=True)
class Cost:
    """What a service took: seconds of CPU in the span, and the daemon's own peak of memory in MB."""

    cpu_s: float
    peak_mb: float


def measure(directory: Path, quick: bool) -> list[Row]:
    """CPU and memory over ten minutes (quick: one), and five (quick: two) deaths of a container."""
    span, deaths = (60, 2) if quick else (600, 5)
    progress("monitor: booting and deploying a VPS")
    with Target.boot(directory, "vps") as vps:
        _prepare(vps)
        progress(f"monitor: both daemons for {span} s")
        ours, theirs = _costs(vps, span)
        progress(f"monitor: {deaths} deaths of a container, seen by each")
        sudo(vps, f"systemctl stop {MONIT}")
        seen_by_us = [_death(vps, _our_entry) for _ in range(deaths)]
        sudo(vps, f"systemctl stop {MONITOR} && systemctl start {MONIT}")
        seen_by_monit = [_death(vps, _monit_saw) for _ in range(deaths)]
    return [
        Row(
            f"monitor, CPU in {span} s at ten thresholds",
            f"{ours.cpu_s:.2f} s",
            f"{theirs.cpu_s:.2f} s Monit",
            f"{ours.cpu_s / theirs.cpu_s:.2f}",
            "<= 3",
        ),
        Row(
            "monitor, peak memory of the daemon",
            f"{ours.peak_mb:.1f} MB",
            f"{theirs.peak_mb:.1f} MB Monit",
            f"{ours.peak_mb / theirs.peak_mb:.2f}",
            "<= 40 MB",
        ),
        Row(
            "monitor, from a container's death to the `started` entry",
            f"{median(seen_by_us) * 1000:.0f} ms",
            f"{median(seen_by_monit) * 1000:.0f} ms until Monit sees it",
            f"1/{1 / float(paired_ratio(seen_by_us, seen_by_monit).split()[0]):.0f}",
            "<= 1/10",
        ),
    ]


def sudo(vps: Target, line: str) -> str:
    """What a shell line says that root runs on the VPS."""
    return vps.machine.run(f"sudo sh -c {shlex.quote(line)}").stdout.strip()


def _prepare(vps: Target) -> None:
    script = (REPOSITORY / "sandbox" / "trading_system.sh").read_text()
    vps.machine.run(["sudo", "bash", "-s"], stdin=script)
    # So many deaths in so short a time would be told as flapping, in one entry.
    watching = {"round": ROUND_S, "flapping": {"changes": 1000}, "thresholds": THRESHOLDS}
    said = vps.playbook("deploy", variables={"repair_programs_realtime_monitor": watching})
    if said.returncode:
        raise RuntimeError(f"the deploy failed:\n{said.stdout[-3000:]}")
    sudo(vps, "apt-get update -qq && apt-get install -qq -y --no-install-recommends monit")
    for path, text, mode in (
        ("/etc/monit/monitrc", MONITRC, "600"),
        ("/usr/local/bin/grafana_runs", RUNS, "755"),
    ):
        vps.machine.run(["sudo", "tee", path], stdin=text)
        sudo(vps, f"chmod {mode} {path}")
    sudo(vps, f"systemctl restart {MONIT} {MONITOR}")
    time.sleep(2 * ROUND_S)


def _costs(vps: Target, span: float) -> tuple[Cost, Cost]:
    before = [_cpu_s(vps, unit) for unit in (MONITOR, MONIT)]
    time.sleep(span)
    after = [_cpu_s(vps, unit) for unit in (MONITOR, MONIT)]
    ours, theirs = (
        Cost(later - earlier, _peak_mb(vps, pid))
        for pid, earlier, later in zip(PIDS, before, after, strict=True)
    )
    return ours, theirs


def _cpu_s(vps: Target, unit: str) -> float:
    return int(sudo(vps, f"systemctl show --property=CPUUsageNSec --value {unit}")) / 1e9


def _peak_mb(vps: Target, pid: str) -> float:
    line = sudo(vps, f"grep VmHWM /proc/$({pid})/status")
    return int(line.split()[1]) / 1024


def _death(vps: Target, seen: Callable[[Target, float], float | None]) -> float:
    """Seconds from a container's end until somebody saw it; it runs again afterwards."""
    sudo(vps, "docker start grafana; rm -f /run/monit_saw_it")
    time.sleep(3 * ROUND_S)
    sudo(vps, "docker stop --time 0 grafana")
    died = sudo(vps, "date --date=$(docker inspect --format {{.State.FinishedAt}} grafana) +%s.%N")
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        at = seen(vps, float(died))
        if at is not None:
            return at - float(died)
        time.sleep(0.5)
    raise RuntimeError("nobody saw the container die within 90 s")


def _our_entry(vps: Target, died: float) -> float | None:
    tool = f"python3 {HOME}/tools/audit_logger.py"
    found = vps.machine.run(f"{tool} query --since 5m --outcome started --json", user="qt").stdout
    for line in found.splitlines():
        entry = json.loads(line)
        if entry["details"].get("threshold") == "Grafana":
            at = float(sudo(vps, f"date --date={entry['ts']} +%s.%N"))
            if at >= died:
                return at
    return None


def _monit_saw(vps: Target, died: float) -> float | None:
    said = sudo(vps, "cat /run/monit_saw_it 2>/dev/null || true")
    return float(said) if said and float(said) >= died else None
