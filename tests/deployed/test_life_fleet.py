"""Twelve hosts, two of them down: the others are deployed; verify.yml tells of all, and what drifted."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, Said, changed

UP = [f"fleet-{number:02}" for number in range(1, 11)]
DOWN = ["fleet-11", "fleet-12"]
QUIET = {"repair_programs_enabled": False}


class Fleet(Target):
    """All hosts of one inventory; `machine` is the first of them."""

    def playbook(
        self, name: str, *options: str, variables: Mapping[str, object] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A few hosts at once: they all share this machine, and one that is slow is not down."""
        return super().playbook(name, "--forks", "4", "--timeout", "60", *options, variables=variables)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    # Nothing listens there.
    down = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_ssh_common_args": ""}
    others = {name: {**down, "audit_base_authorized_keys": []} for name in DOWN}
    with Fleet.boot_all(tmp_path_factory.mktemp("fleet"), UP, others=others) as booted:
        yield booted


def rows(text: str, *names: str) -> dict[str, str]:
    """The table's rows of these hosts."""
    table = text[text.index("\nHOST ") :]
    found = {line.split()[0]: line for line in table.splitlines() if line.startswith("fleet-")}
    return {name: found[name] for name in names}


@pytest.fixture(scope="module")
def deployed(fleet: Fleet) -> Said:
    return fleet.playbook("deploy", variables=QUIET)


@pytest.fixture(scope="module")
def verified(fleet: Fleet, deployed: Said) -> Said:
    """Right after the deploy."""
    return fleet.playbook("verify", variables=QUIET)


def test_hosts_that_are_down_keep_no_other_from_being_deployed(deployed: Said) -> None:
    said = deployed
    assert said.returncode != 0
    assert "10 of 12 hosts: done" in said.stdout, said.stdout[said.stdout.index("\nPLAY RECAP") :]
    assert all("✅ done" in row for row in rows(said.stdout, *UP).values())
    assert all("❌ down" in row for row in rows(said.stdout, *DOWN).values())
    assert all("Connection refused" in row for row in rows(said.stdout, *DOWN).values())


def test_verify_tells_of_every_host_in_one_table(verified: Said) -> None:
    said = verified
    assert said.returncode != 0
    for row in rows(said.stdout, *UP).values():
        assert "✅ well" in row
        assert "whole, seq" in row
    assert all("❌ down" in row for row in rows(said.stdout, *DOWN).values())
    assert "10 of 12 hosts: well" in said.stdout


@pytest.fixture(scope="module")
def on(fleet: Fleet) -> Callable[[str, str], str]:
    """Runs a line of shell as root on one of the hosts."""

    def run(name: str, line: str) -> str:
        said = fleet.ansible("ansible.builtin.shell", line, "--become", "--limit", name)
        assert said.returncode == 0, said.stdout
        return said.stdout

    return run


DRIFTS = {
    "fleet-01": (f"echo '# x' >> {HOME}/current/tools/qt_audit/record/entry.py", "entry.py: was edited"),
    "fleet-02": (f"rm {HOME}/current/docs/REPAIR_REFERENCE.md", "REPAIR_REFERENCE.md: missing"),
    "fleet-03": (f"chmod 0666 {HOME}/current/tools/audit_logger.py", "audit_logger.py: has another mode"),
    "fleet-04": (f"chown root {HOME}/config", "config: has another owner"),
    "fleet-05": (
        "echo '* * * * * qt x' >> /etc/cron.d/quantum-trader",
        "/etc/cron.d/quantum-trader: differs",
    ),
    "fleet-06": (f"chmod 0644 {HOME}/config/audit.env", "audit.env: has another owner, group or mode"),
    "fleet-07": ("systemctl stop quantum-trader-deliver.path", "Start it, now and at each boot"),
    "fleet-08": (f"sed -i '1s/Deploy/Dep1oy/' {HOME}/status/record/*.jsonl", "FAULTS"),
}


@pytest.fixture(scope="module")
def drifted(fleet: Fleet, on: Callable[[str, str], str], verified: Said) -> tuple[Said, Said]:
    """What verify.yml says of hosts that drifted, and how many deploys each tells of then."""
    assert verified.returncode != 0
    for name, (drift, _) in DRIFTS.items():
        on(name, drift)
    limit = ("--limit", ",".join(DRIFTS))
    said = fleet.playbook("verify", *limit, variables=QUIET)
    counting = f"grep -c Deploy: {HOME}/status/AUTO_REPAIR_AUDIT.log"
    return said, fleet.ansible("command", counting, "--become", *limit)


def test_drift_of_each_kind_is_named_and_nothing_changed(drifted: tuple[Said, Said]) -> None:
    said, counted = drifted
    assert said.returncode != 0
    for name, row in rows(said.stdout, *DRIFTS).items():
        assert "❌ not well" in row
        assert DRIFTS[name][1] in row
    assert "0 of 8 hosts: well" in said.stdout
    assert [line for line in counted.stdout.splitlines() if line.strip().isdigit()] == ["1"] * 8


@pytest.mark.usefixtures("drifted")
def test_the_next_deploy_puts_it_right(fleet: Fleet) -> None:
    drifted = [name for name in UP if name not in ("fleet-08", "fleet-09", "fleet-10")]
    said = fleet.playbook("deploy", "--limit", ",".join(drifted), variables=QUIET)
    assert said.returncode == 0, said.stdout[-3000:]
    assert all(row.split()[3] != "0" for row in rows(said.stdout, *drifted).values())
    again = fleet.playbook("verify", "--limit", ",".join(drifted), variables=QUIET)
    assert again.returncode == 0, again.stdout[-3000:]
    assert "7 of 7 hosts: well" in again.stdout
    assert changed(fleet.playbook("deploy", "--limit", "fleet-01", variables=QUIET)) == 0
