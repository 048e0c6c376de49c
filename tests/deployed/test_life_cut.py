"""The connection breaks after each task in turn, of a first deploy and an upgrade: a later run mends it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, SOURCE, Said, changed, connect
from tests.support.checkout import DELIVERED
from tests.support.scale import STORM

TOOL = f"python3 {HOME}/tools/audit_logger.py"
# Ansible loads it from the directory that ANSIBLE_CALLBACK_PLUGINS names. After so many
# changes no packet reaches the host any more, as where a cable is pulled.
PLUGIN = """
import os
import subprocess

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "cutter"
    CALLBACK_NEEDS_ENABLED = False
    left = int(os.environ["CUT_AFTER"])

    def v2_runner_on_ok(self, result):
        if not result._result.get("changed"):
            return
        self.left -= 1
        if self.left == 0:
            subprocess.run(["nft", "-f", os.environ["CUT_BY"]], check=True)
"""
RULES = """
add table inet {name}
add chain inet {name} out {{ type filter hook output priority -10; }}
add rule inet {name} out oifname {link} drop
"""
# And no shared connection, which would outlive the cut.
IMPATIENT = "-o ControlMaster=no -o ServerAliveInterval=1 -o ServerAliveCountMax=2 -o ConnectTimeout=3"
MOST_CUTS = 40
EVERY = 3 if STORM == 1 else 1
"""Changes between two cuts."""
STOPPED_AT = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*)\] \*+$", re.MULTILINE)


class Cutting:
    """A VPS whose connection is cut in the middle of each deploy."""

    def __init__(self, vps: Target, directory: Path) -> None:
        self.vps = vps
        self.host, self.qt = connect(vps), connect(vps, "qt")
        self.table = f"qt_cut_{os.getpid()}"
        self.plugins, self.rules = directory / "plugins", directory / "cut.nft"
        self.plugins.mkdir()
        (self.plugins / "cutter.py").write_text(PLUGIN)
        self.rules.write_text(RULES.format(name=self.table, link=vps.machine.link))

    def cut(self, after: int, **variables: object) -> Said:
        """A deploy that is cut off after so many changes; one that has fewer left is not."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("ANSIBLE_CALLBACK_PLUGINS", str(self.plugins))
            patched.setenv("CUT_BY", str(self.rules))
            patched.setenv("CUT_AFTER", str(after))
            patched.setenv("ANSIBLE_SSH_ARGS", IMPATIENT)
            try:
                return self.vps.playbook("deploy", variables=variables)
            finally:
                subprocess.run(
                    ["nft", "delete", "table", "inet", self.table], check=False, capture_output=True
                )

    def until_whole(self, **variables: object) -> set[str]:
        """Deploys, each cut off at the next task, until one has nothing left to change; where they stopped.

        What one that was cut off is to say of itself is a change in each until it is said: so one that stops
        where another did lets the next make one more.
        """
        stopped: set[str] = set()
        after = EVERY
        for _ in range(MOST_CUTS):
            said = self.cut(after, **variables)
            if said.returncode == 0:
                return stopped
            assert "unreachable=1" in said.stdout, said.stdout[-3000:]
            at = STOPPED_AT.findall(said.stdout)[-1]
            after += at in stopped
            stopped.add(at)
        pytest.fail(f"not whole after {MOST_CUTS} runs, which stopped at {stopped}:\n{said.stdout[-3000:]}")

    def entries(self) -> list[dict[str, Any]]:
        found = self.qt.check_output(f"{TOOL} query --source deploy --json")
        return [json.loads(line) for line in found.splitlines()]


@pytest.fixture(scope="module")
def cutting(fresh_vps: Callable[..., Target], tmp_path_factory: pytest.TempPathFactory) -> Cutting:
    return Cutting(fresh_vps("cut"), tmp_path_factory.mktemp("cutting"))


@pytest.fixture(scope="module")
def whole(cutting: Cutting) -> tuple[set[str], Said]:
    """Where first deploys stopped, until one was whole; and what the next one said."""
    return cutting.until_whole(), cutting.vps.playbook("deploy")


def test_a_first_deploy_that_is_cut_off_after_each_change_is_made_whole(
    cutting: Cutting, whole: tuple[set[str], Said]
) -> None:
    stopped, again = whole
    assert len(stopped) > 8 // EVERY, stopped
    assert changed(again) == 0, again.stdout
    doctor = cutting.qt.run(f"{TOOL} doctor")
    assert doctor.rc == 0, doctor.stdout
    assert cutting.qt.run(f"{TOOL} verify").rc == 0
    assert cutting.host.check_output("systemctl is-active quantum-trader-monitor") == "active"
    installed = [entry for entry in cutting.entries() if entry["details"]["from"] == "nothing"]
    assert installed


@pytest.mark.usefixtures("whole")
def test_an_upgrade_that_is_cut_off_is_made_whole_and_the_monitor_runs_it(
    cutting: Cutting, tmp_path: Path
) -> None:
    tree = tmp_path / "quantum_trader"
    shutil.copytree(DELIVERED, tree)
    (tree / "tools/new_face.py").write_text("# new\n")
    before = cutting.host.check_output(f"readlink {HOME}/current").rpartition("/")[2]
    pid = cutting.host.check_output("systemctl show -p MainPID quantum-trader-monitor")
    assert cutting.until_whole(**{SOURCE: str(tree)})
    release = cutting.host.check_output(f"readlink {HOME}/current").rpartition("/")[2]
    assert release != before
    assert cutting.host.check_output("systemctl show -p MainPID quantum-trader-monitor") != pid
    switched = [entry for entry in cutting.entries() if entry["details"]["to"] == release]
    assert switched[0]["details"]["from"] == before
    assert changed(cutting.vps.playbook("deploy", variables={SOURCE: str(tree)})) == 0
