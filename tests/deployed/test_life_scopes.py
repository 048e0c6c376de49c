"""Without root: all in the account's own home and crontab; and the way to a system installation and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from sandbox import Snapshot
from sandbox.target import Target
from tests.deployed.deployment import HOME, Said, changed, connect
from tests.deployed.frozen import copied
from tests.support.whole_run import WholeRun

TOOL = f"python3 {HOME}/tools/audit_logger.py"
OWN_JOB = "1 1 * * * mine"
PATIENCE_S = 180
# What a provider gives somebody who has only a login.
PREPARE = f"""
useradd --create-home --shell /bin/bash qt
cp -r ~admin/.ssh ~qt/ && chown -R qt: ~qt/.ssh
echo '{OWN_JOB}' | crontab -u qt -
"""
USER = {
    "audit_base_scope": "user",
    "ansible_user": "qt",
    "audit_base_authorized_keys": [],
    "repair_programs_auto_repair_system": {
        "repairs": {
            "flag": {
                "kind": "command",
                "probe": ["/usr/bin/test", "-e", "/tmp/flag"],
                "repair": ["/usr/bin/touch", "/tmp/flag"],
                "sentence": "Auto-repair: Raised the flag",
                "cooldown": 1,
            }
        }
    },
    "repair_programs_realtime_monitor": {
        "thresholds": {"repair": [{"repair": "flag", "every": 2, "repairs": ["flag"]}]}
    },
}


class Scopes:
    def __init__(self, vps: Target) -> None:
        self.vps = vps
        self.host, self.qt = connect(vps), connect(vps, "qt")

    def play(self, name: str, *options: str, **variables: object) -> Said:
        return self.vps.playbook(name, *options, variables=variables or USER)

    def until(self, line: str, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.host.run(line).rc != 0:
            if time.monotonic() > deadline:
                pytest.fail(f"{what} did not come")
            time.sleep(1)


SYSTEM = {name: value for name, value in USER.items() if name not in ("audit_base_scope", "ansible_user")}


@dataclass(frozen=True)
class Begun:
    """A VPS that was deployed to in user scope: its frozen disk, and what was said and left."""

    snapshot: Snapshot
    inventory: Path
    refused: Said
    dry: Said
    there_before_the_first: bool
    first: Said
    again: Said
    outside: str


def begin(vps: Target, run: WholeRun) -> Begun:
    """Deploy without root, once root has installed the packages; then freeze it."""
    vps.machine.run(["sudo", "bash", "-e", "-s"], stdin=PREPARE)
    scopes = Scopes(vps)
    refused = scopes.play("deploy")
    packages = "python3-jinja2 python3-jsonschema python3-psutil python3-requests python3-yaml"
    install = f"apt-get install -qq -y --no-install-recommends {packages}"
    scopes.host.check_output(f"apt-get update -qq && {install}")
    scopes.host.check_output("touch /srv/then")
    dry = scopes.play("deploy", "--check", "--diff")
    there = scopes.host.run(f"test -e {HOME}").rc == 0
    first, again = scopes.play("deploy"), scopes.play("deploy")
    outside = scopes.host.check_output(
        "find /etc /usr /opt /root -xdev -newer /srv/then -type f | grep -v -e ld.so.cache || true"
    )
    assert first.returncode == 0, first.stdout[-5000:]
    snapshot = Snapshot.take(vps.machine, run.held)
    return Begun(snapshot, vps.inventory, refused, dry, there, first, again, outside)


@pytest.fixture(scope="module")
def begun(fresh_vps: Callable[..., Target], whole_run: WholeRun) -> Callable[[str], Begun]:
    """The VPS of a release of Debian, made when the first test asks for it."""
    return cache(lambda suite: begin(fresh_vps(f"scopes-{suite}", suite), whole_run))


@pytest.fixture(params=["bookworm", "trixie"])
def each(request: pytest.FixtureRequest, begun: Callable[[str], Begun]) -> Begun:
    return begun(request.param)


@pytest.fixture(scope="module")
def scopes(begun: Callable[[str], Begun], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scopes]:
    """A copy in user scope, for tests that leave it there."""
    made = begun("bookworm")
    with copied(tmp_path_factory.mktemp("scopes"), made.snapshot, made.inventory) as vps:
        yield Scopes(vps)


@pytest.fixture
def own_scopes(begun: Callable[[str], Begun], tmp_path: Path) -> Iterator[Scopes]:
    """A copy in user scope, for one test."""
    made = begun("bookworm")
    with copied(tmp_path / "own", made.snapshot, made.inventory) as vps:
        yield Scopes(vps)


def test_packages_that_only_root_can_install_are_named(each: Begun) -> None:
    assert each.refused.returncode == 2
    assert "ask who has it to: apt install" in " ".join(each.refused.stdout.split())


def test_a_dry_run_before_the_first_deploy_changes_nothing(each: Begun) -> None:
    assert each.dry.returncode == 0, each.dry.stdout[-3000:]
    assert not each.there_before_the_first


def test_it_is_deployed_without_root_and_again_changes_nothing(each: Begun, tmp_path: Path) -> None:
    assert changed(each.again) == 0, each.again.stdout[-5000:]
    assert each.outside == ""
    with copied(tmp_path / "verified", each.snapshot, each.inventory) as vps:
        scopes = Scopes(vps)
        assert scopes.host.run(f"find {HOME} -user root | grep .").rc == 1
        scopes.until("pgrep -u qt -f '[r]ealtime_monitor.py --keep-alive'", "the monitor")
        said = scopes.play("verify")
        assert said.returncode == 0, said.stdout[-3000:]
        assert "✅ well" in said.stdout


def test_the_crontab_holds_the_schedule_and_the_rest_as_it_was(scopes: Scopes) -> None:
    lines = scopes.qt.check_output("crontab -l").splitlines()
    assert lines[0] == OWN_JOB
    for words in (
        "daily_summary --due",
        "monthly_summary --due",
        "audit_logger.py deliver",
        "logrotate --state",
    ):
        assert sum(words in line for line in lines) == 1
    assert sum("realtime_monitor.py --keep-alive" in line for line in lines) == 1
    assert "MAILTO" not in "\n".join(lines)


def test_the_logs_are_turned_over_by_the_account_itself(scopes: Scopes) -> None:
    scopes.qt.check_output(f"{TOOL} test")
    line = next(
        line for line in scopes.qt.check_output("crontab -l").splitlines() if "logrotate --state" in line
    )
    command = line.split("* * * ", 1)[1].replace("--state", "--force --state").split(" >> ")[0]
    scopes.qt.check_output(command)
    assert int(scopes.qt.check_output(f"ls {HOME}/status | grep -c '^AUTO_REPAIR_AUDIT.log-'")) == 1


def test_the_monitor_lives_and_is_started_again_by_cron(scopes: Scopes) -> None:
    scopes.host.check_output("rm -f /tmp/flag")
    scopes.until("test -e /tmp/flag", "the repair")
    scopes.qt.check_output("pkill -KILL -f '[r]ealtime_monitor.py --keep-alive'")
    scopes.until("pgrep -u qt -f '[r]ealtime_monitor.py --keep-alive'", "the monitor")
    assert scopes.qt.run(f"{TOOL} verify").rc == 0


def test_another_login_is_refused_in_one_line(scopes: Scopes) -> None:
    said = scopes.play("deploy", **{**USER, "ansible_user": "admin"})
    assert said.returncode == 2
    assert "ansible_user is admin and audit_base_user is qt; make them the same" in said.stdout


def test_the_system_scope_takes_over_and_back_to_the_user_scope_needs_root_once(own_scopes: Scopes) -> None:
    scopes = own_scopes
    said = scopes.play("deploy", **SYSTEM)
    assert said.returncode == 0, said.stdout[-5000:]
    # No second schedule is left.
    jobs = [line for line in scopes.qt.check_output("crontab -l").splitlines() if not line.startswith("#")]
    assert jobs == [OWN_JOB]
    assert scopes.host.run(f"test -e {HOME}/config/logrotate.conf").rc == 1
    assert scopes.host.check_output("pgrep -c -u qt -f '[t]ools/realtime_monitor.py'") == "1"
    assert scopes.qt.run(f"{TOOL} doctor").rc == 0
    assert changed(scopes.play("deploy", **SYSTEM)) == 0

    refused = scopes.play("deploy")
    assert refused.returncode == 2
    assert "installed in system scope (/etc/cron.d/quantum-trader" in refused.stdout
    assert scopes.play("remove", **SYSTEM).returncode == 0
    said = scopes.play("deploy")
    assert said.returncode == 0, said.stdout[-5000:]
    assert scopes.qt.run(f"{TOOL} verify").rc == 0


def test_removal_takes_it_out_of_home_and_crontab(own_scopes: Scopes) -> None:
    scopes = own_scopes
    said = scopes.play("remove")
    assert said.returncode == 0, said.stdout[-3000:]
    assert scopes.qt.check_output("crontab -l") == OWN_JOB
    assert scopes.host.run("pgrep -u qt -f '[r]ealtime_monitor.py --keep-alive'").rc == 1
    assert sorted(scopes.qt.check_output(f"ls {HOME}").split()) == ["config", "status"]
