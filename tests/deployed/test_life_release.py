"""The life of an installation: another release while programs write, back again, and away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, SOURCE, Said, changed, connect
from tests.deployed.frozen import Frozen

TOOL = f"python3 {HOME}/tools/audit_logger.py"
OWN_JOB = "1 1 * * * mine"
# Writes without a pause, by the command line and in one process that lives through it all; a line an entry.
WRITERS = f"""
cd /
rm -f /tmp/stop /tmp/failed
(while [ ! -e /tmp/stop ]; do {TOOL} log "by command" >/dev/null || echo "$?" >>/tmp/failed; done) &
(python3 -c '
import os, sys
sys.path.insert(0, "{HOME}/tools")
from audit_logger import log_action
n = 0
while not os.path.exists("/tmp/stop"):
    log_action("by process", required=True)
    n += 1
print(n)
' >/tmp/by_process 2>&1) &
"""


class Living:
    """The VPS, and releases to deploy to it."""

    def __init__(self, vps: Target, tree: Path, away: Path) -> None:
        self.vps, self.tree, self.away = vps, tree, away
        self.host, self.qt = connect(vps), connect(vps, "qt")

    def deploy(self, *options: str, **variables: object) -> Said:
        said = self.vps.playbook("deploy", *options, variables={SOURCE: str(self.tree), **variables})
        assert said.returncode == 0, said.stdout[-5000:]
        return said

    def play(self, name: str, *options: str, **variables: object) -> Said:
        return self.vps.playbook(
            name,
            *options,
            variables={SOURCE: str(self.tree), "audit_base_evidence_to": str(self.away), **variables},
        )

    def another(self, text: str, face: str = "tools/new_face.py") -> None:
        """From now on another release is delivered."""
        (self.tree / face).write_text(text)

    @property
    def release(self) -> str:
        return Path(self.host.check_output(f"readlink {HOME}/current")).name

    @property
    def releases(self) -> set[str]:
        return set(self.host.check_output(f"ls -A {HOME}/releases").split())

    def said(self, words: str) -> list[dict[str, object]]:
        """The entries with these words."""
        found = self.qt.check_output(f"{TOOL} query --source deploy --json")
        entries = [json.loads(line) for line in found.splitlines()]
        return [entry for entry in entries if str(entry["action"]).startswith(words)]


@pytest.fixture
def living(frozen_deployment: Frozen, tmp_path: Path) -> Iterator[Living]:
    """A copy of a deployed VPS, for one test: it is deployed to as often as the test says."""
    tree = tmp_path / "delivered" / "quantum_trader"
    shutil.copytree(frozen_deployment.tree, tree)
    with frozen_deployment.copy(tmp_path / "copy") as vps:
        found = Living(vps, tree, tmp_path / "evidence")
        found.away.mkdir()
        found.host.check_output(f"(crontab -u qt -l; echo '{OWN_JOB}') | crontab -u qt -")
        found.host.check_output(f"runuser -u qt -- touch {HOME}/tools/mine.py {HOME}/scripts/mine.sh")
        yield found


def details(entry: dict[str, object]) -> dict[str, str]:
    found = entry["details"]
    assert isinstance(found, dict)
    return found


def test_the_first_deploy_is_an_entry_that_says_who_and_what(living: Living) -> None:
    (entry,) = living.said("Deploy: Installed release")
    assert details(entry)["to"] == living.release
    assert details(entry)["from"] == "nothing"
    assert details(entry)["by"]
    assert details(entry)["controller"]


def test_a_deploy_that_changes_nothing_is_no_entry(living: Living) -> None:
    before = len(living.said("Deploy:"))
    assert changed(living.deploy()) == 0
    assert len(living.said("Deploy:")) == before


def test_an_entry_names_the_files_that_a_deploy_has_put_right(living: Living) -> None:
    living.host.check_output("echo '# mine' >> /etc/cron.d/quantum-trader")
    living.host.check_output("rm /etc/sudoers.d/quantum-trader")
    living.deploy()
    entry = living.said("Deploy: Changed what is around release")[-1]
    assert details(entry)["changes"] == (
        "/etc/cron.d/quantum-trader: differs; /etc/sudoers.d/quantum-trader: missing"
    )


def test_releases_change_under_writers_and_no_call_fails(living: Living) -> None:
    first = living.release
    living.vps.machine.run(["tee", "/tmp/writers.sh"], stdin=WRITERS, user="qt")
    living.vps.machine.run("setsid bash /tmp/writers.sh </dev/null >/dev/null 2>&1", user="qt")
    for number in range(3):
        living.another(f"# {number}\n")
        living.deploy("--tags", "audit_base")
        switched = living.said("Deploy: Switched to release")[-1]
        assert details(switched)["to"] == living.release
        assert living.play("rollback").returncode == 0
    living.qt.check_output(
        "touch /tmp/stop; while pgrep -u qt -f '[b]y process|[b]y command'; do sleep 0.2; done"
    )
    assert living.host.run("test -s /tmp/failed").rc == 1, living.host.check_output("cat /tmp/failed")
    count = int(living.host.check_output("cat /tmp/by_process"))
    assert count > 100
    found = living.qt.check_output(f"{TOOL} query --grep 'by process' --json | wc -l")
    assert int(found) == count
    verified = living.qt.run(f"{TOOL} verify")
    assert verified.rc == 0, verified.stdout
    assert living.release == first


def test_as_many_releases_are_kept_as_was_said(living: Living) -> None:
    first = living.release
    for text in ("# more\n", "# still more\n"):
        living.another(text)
        living.deploy("--tags", "audit_base", audit_base_keep_releases=2)
    assert first not in living.releases
    previous = Path(living.host.check_output(f"readlink {HOME}/previous")).name
    assert living.releases == {living.release, previous}


def test_a_release_whose_tool_does_not_start_is_gone_back_from(living: Living) -> None:
    good = living.release
    living.another("raise SystemExit('broken')\n", "tools/audit_logger.py")
    broken = living.vps.playbook("deploy", variables={SOURCE: str(living.tree)})
    assert broken.returncode != 0  # its own check of the settings does not start
    assert living.qt.run(f"{TOOL} stats").rc == 1
    back = living.play("rollback")
    assert back.returncode == 0, back.stdout
    assert living.release == good
    assert living.qt.run(f"{TOOL} verify").rc == 0
    (entry,) = living.said("Rollback: Went back to release")[-1:]
    assert details(entry)["to"] == good
    assert living.host.check_output("systemctl is-active quantum-trader-monitor") == "active"


@pytest.mark.parametrize(
    ("to", "says"), [("000000000000", "has no release 000000000000 any more; there are: ")]
)
def test_a_release_that_is_not_there_is_refused_in_one_line(living: Living, to: str, says: str) -> None:
    said = living.play("rollback", audit_base_rollback_to=to)
    assert said.returncode != 0
    assert says in said.stdout


def test_an_altered_release_is_not_gone_back_to(living: Living) -> None:
    living.another("# next\n")
    living.deploy("--tags", "audit_base")
    previous = Path(living.host.check_output(f"readlink -f {HOME}/previous")).name
    living.host.check_output(f"echo '# x' >> {HOME}/releases/{previous}/tools/qt_audit/record/entry.py")
    before = living.release
    said = living.play("rollback")
    assert said.returncode != 0
    assert "tools/qt_audit/record/entry.py was edited: this release cannot be gone back to" in said.stdout
    assert living.release == before


def test_removal_leaves_evidence_settings_and_what_is_the_operators(living: Living) -> None:
    entries = int(living.qt.check_output(f"{TOOL} query --json | wc -l"))
    said = living.play("remove")
    assert said.returncode == 0, said.stdout
    host = living.host
    kept = host.check_output(
        f"cd {HOME} && find . -maxdepth 2 ! -type d | grep -v '^./status/' | sort"
    ).split()
    assert [path for path in kept if not path.startswith("./config/")] == [
        "./scripts/mine.sh",
        "./tools/mine.py",
    ]
    assert host.run(f"test -e {HOME}/config/audit.env").rc == 0
    assert host.check_output("crontab -u qt -l") == OWN_JOB
    gone = host.run(
        "ls /etc/cron.d/quantum-trader* /etc/logrotate.d/quantum-trader /etc/sudoers.d/quantum-trader"
        " /etc/systemd/system/quantum-trader* | grep ."
    )
    assert gone.rc == 1, gone.stdout
    assert (
        host.run("systemctl is-active quantum-trader-monitor quantum-trader-deliver.path | grep ^active").rc
        == 1
    )
    assert host.check_output("pgrep -u qt -f quantum_trader || true") == ""
    last = host.check_output(f"tail -n 1 {HOME}/status/AUTO_REPAIR_AUDIT.log")
    assert "Realtime monitor: Stopped" in last or "Remove: Taking release" in last
    assert changed(living.play("remove")) == 0
    living.deploy()
    assert int(living.qt.check_output(f"{TOOL} query --json | wc -l")) > entries
    assert living.qt.run(f"{TOOL} verify").rc == 0
    assert len(living.said("Remove: Taking release")) == 1


def test_evidence_that_is_not_whole_is_not_removed(living: Living) -> None:
    """Fetched, verified on the controller, and found altered: the host keeps it."""
    record = f"{HOME}/status/record/$(date -u +%Y-%m).jsonl"
    living.host.check_output(f"sed -i '0,/Installed/s//Inst@lled/' {record}")
    said = living.play("remove", audit_base_remove_evidence=True)
    assert said.returncode != 0
    assert "is not whole, so nothing of it is removed on the host" in said.stdout
    assert living.host.run(f"test -e {record}").rc == 0
    assert living.host.run(f"test -e {HOME}/.evidence.tar.gz").rc == 1
    living.host.check_output(f"sed -i 's/Inst@lled/Installed/' {record} && chown qt:qt {record}")
    living.deploy()
    assert living.qt.run(f"{TOOL} verify").rc == 0


def test_removal_with_the_evidence_fetches_and_verifies_it_first_and_a_deploy_begins_anew(
    living: Living,
) -> None:
    head = json.loads(living.qt.check_output(f"{TOOL} stats --json"))["head"]
    said = living.play("remove", audit_base_remove_evidence=True)
    assert said.returncode == 0, said.stdout
    assert living.host.run(f"find {HOME}/status {HOME}/config | grep .").rc == 1
    assert living.host.run(f"test -e {HOME}/tools/mine.py").rc == 0
    fetched = living.away / "audited/status/record/head"
    assert json.loads(fetched.read_text())["seq"] >= head["seq"]
    assert living.host.run("id qt").rc == 0
    living.deploy()
    first = living.qt.check_output(f"head -n 1 {HOME}/status/record/*.jsonl")
    assert json.loads(first)["seq"] == 1
    assert living.qt.run(f"{TOOL} verify").rc == 0
    assert changed(living.deploy()) == 0
