"""A VPS with a trading system on it that repairs itself, as the tests see it and break it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.places import REPOSITORY
from sandbox.target import Target
from tests.deployed.deployment import HOME, SOURCE, Said

TRADING_SYSTEM = REPOSITORY / "sandbox" / "trading_system.sh"
MONITOR = "quantum-trader-monitor.service"
AUDIT = f"/usr/bin/python3 {HOME}/tools/audit_logger.py"
REPAIRS = f"/usr/bin/python3 {HOME}/scripts/auto_repair_system.py"
WEEKLY = f"/usr/bin/python3 {HOME}/tools/weekly_self_heal.py"
MODEL = f"{HOME}/models/xgboost_model.json"
GRAFANA_SAYS = "busybox wget -q -O - http://127.0.0.1:3000/api/health"
# Stands in a repair that is switched off, and so only in the drop-in.
SECRET = "dsn-s3cret-piece"
# Far more than anything takes; a loaded machine is slow.
PATIENCE_S = 90.0

Entry = dict[str, Any]


@dataclass(frozen=True)
class Repairing:
    """The VPS and what the runs of the playbook said: on the bare host, the first, the second."""

    vps: Target
    tree: Path
    dry: Said = field(repr=False)
    first: Said = field(repr=False)
    second: Said = field(repr=False)

    def again(self, *options: str, **variables: object) -> Said:
        """Deploy once more; the variables hold for this run only."""
        return self.vps.playbook("deploy", *options, variables={SOURCE: str(self.tree), **variables})

    def root(self, line: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell line as root."""
        return self._run(["sudo", "bash", "-c", line], "admin", check)

    def qt(self, line: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell line as the account."""
        return self._run(line, "qt", check)

    def _run(self, argv: list[str] | str, user: str, check: bool) -> subprocess.CompletedProcess[str]:
        done = self.vps.machine.run(argv, user=user, check=False, timeout=300)
        assert not check or done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
        return done

    def psql(self, statement: str, database: str = "postgres") -> str:
        """One statement as the server's own superuser; its rows."""
        line = f'cd /; runuser -u postgres -- psql -XAtq -d {database} -c "{statement}"'
        return self.root(line).stdout.strip()

    def repair(self, *names: str, options: str = "--force") -> Mapping[str, Entry]:
        """Let the one-shot run look at these, by hand; what became of each. No traceback, whatever it was."""
        done = self.qt(f"{REPAIRS} --json {options} --only {' '.join(names)}", check=False)
        assert "Traceback" not in done.stdout + done.stderr
        assert done.returncode in (0, 1), done.stderr
        return {result["name"]: result for result in json.loads(done.stdout)["results"]}

    def head(self) -> int:
        """The last entry's number."""
        return int(json.loads(self.qt(f"{AUDIT} tail -n 1 --json").stdout)["seq"])

    def entries(self, since: int) -> list[Entry]:
        """Those after that number."""
        lines = self.qt(f"{AUDIT} tail -n 400 --json").stdout.splitlines()
        return [entry for entry in map(json.loads, lines) if entry["seq"] > since]

    def wait(self, since: int, wanted: Callable[[Entry], bool], what: str) -> list[Entry]:
        """The entries after that number, once one of them is what is waited for."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            entries = self.entries(since)
            if any(map(wanted, entries)):
                return entries
            journal = self.root(f"journalctl -u {MONITOR} -n 20 --no-pager").stdout
            assert time.monotonic() < deadline, f"{what} did not come: {actions(entries)}\n{journal}"
            time.sleep(0.3)

    def eventually(self, line: str, what: str) -> None:
        """Wait until a shell line of root's ends with 0."""
        deadline = time.monotonic() + PATIENCE_S
        while self.root(line, check=False).returncode != 0:
            assert time.monotonic() < deadline, f"{what} did not come about"
            time.sleep(0.3)

    def bring_the_trading_system(self) -> None:
        """Make what there is to repair; what is there already stays."""
        self.vps.machine.run(["sudo", "bash", "-s", "--", "--quiet"], stdin=TRADING_SYSTEM.read_text())

    def wait_until_all_is_well(self) -> None:
        """Wait until the monitor has looked at everything and repaired what it had to."""
        self.eventually(f"runuser -u qt -- python3 {HOME}/tools/realtime_monitor.py status", "health")

    @contextmanager
    def drop_in(self, program: str, value: Mapping[str, Any]) -> Iterator[None]:
        """The operator's own drop-in, laid over Ansible's, as long as the block runs."""
        path = f"{HOME}/config/{program}.d/90-test.yml"
        self.vps.machine.run(f"umask 027; cat > {path}", user="qt", stdin=json.dumps(value))
        try:
            yield
        finally:
            self.qt(f"rm {path}")


def actions(entries: list[Entry]) -> list[str]:
    """The sentences that people read."""
    return [entry["action"] for entry in entries]


def of_one_run(entries: list[Entry]) -> bool:
    """Whether they all belong to one action."""
    return len({entry["run"] for entry in entries}) == 1 and entries[0]["run"] is not None


def add_a_secret(variables: Path) -> None:
    """Name one more repair in an inventory's file: switched off, with a password."""
    loaded = yaml.safe_load(variables.read_text())
    loaded["repair_programs_auto_repair_system"]["repairs"]["elsewhere"] = {
        "kind": "postgres_database",
        "enabled": False,
        "database": "elsewhere",
        "dsn": f"host=db.example.com user=qt password={SECRET}",
    }
    # A JSON document is a YAML document.
    variables.write_text(json.dumps(loaded))
