"""The roles from anybody's repository: installed as a collection, in a directory apart from the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, Said, changed, connect
from tests.support.checkout import ROOT

NAME = "quantum_trader.audit"
INSTALLED = Path("collections/ansible_collections/quantum_trader/audit")
FIVE_LINES = f"""\
- hosts: all
  become: true
  roles:
    - {NAME}.audit_base
    - {NAME}.audit_log
    - {NAME}.repair_programs
"""
ALONE = "- hosts: all\n  become: true\n  roles: [{}]\n"
OWN_ROLE = f"""\
- name: Ours, from a task of another role
  ansible.builtin.include_role:
    name: "{NAME}.{{{{ item }}}}"
  loop: [audit_base, audit_log, repair_programs]
"""
IMPORTED = f"""\
- hosts: all
  become: true
  gather_facts: true
  tasks:
    - import_role: {{name: {NAME}.audit_base}}
    - import_role: {{name: {NAME}.audit_log}}
      tags: [logs]
    - import_role: {{name: {NAME}.repair_programs}}
"""


@dataclass(frozen=True)
class Directory:
    """Somebody's directory with playbooks of their own, and a VPS that they are run against."""

    path: Path
    vps: Target

    def play(self, text: str, *options: str, **variables: object) -> Said:
        """Run a playbook with this text, by Ansible's own settings."""
        (self.path / "site.yml").write_text(text)
        extra = ["--extra-vars", json.dumps(variables)] if variables else []
        return ansible(
            self.path, "ansible-playbook", "-i", str(self.vps.inventory), "site.yml", *extra, *options
        )

    def nothing_was_done(self) -> bool:
        return self.vps.machine.run("id qt || ls /etc/cron.d/quantum-trader", check=False).returncode != 0

    def copy(self, path: Path) -> Directory:
        """Another directory with the same collection, to be damaged."""
        shutil.copytree(self.path, path)
        return Directory(path, self.vps)


def ansible(directory: Path, program: str, *arguments: str) -> Said:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        [str(ROOT / ".venv/bin" / program), *arguments],
        cwd=directory, env={**environment, "NO_COLOR": "1", "COLUMNS": "1000"}, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def repository(path: Path) -> None:
    """A repository with the checkout as it is now, committed or not."""
    git = ["git", "-c", "safe.directory=*", "-c", "user.name=test", "-c", "user.email=test@example.com"]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in listed.stdout.split("\0"):
        if name and os.path.lexists(ROOT / name):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name, follow_symlinks=False)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run([*git, *command], cwd=path, check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, fresh_vps: Callable[..., Target]) -> Directory:
    """A bare VPS, and a directory with nothing but the collection in it."""
    source, path = tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("somebody")
    repository(source)
    wanted = {"name": f"git+file://{source}", "type": "git", "version": "main"}
    (path / "requirements.yml").write_text(json.dumps({"collections": [wanted]}))
    said = ansible(
        path, "ansible-galaxy", "collection", "install", "-r", "requirements.yml", "-p", "collections"
    )
    assert said.returncode == 0, said.stdout
    (path / "roles/mine/tasks").mkdir(parents=True)
    (path / "roles/mine/tasks/main.yml").write_text(OWN_ROLE)
    return Directory(path, fresh_vps("anybodys"))


@pytest.fixture(scope="module")
def refused(installed: Directory, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    """What was said of mistakes while the VPS was bare, which it was afterwards."""
    half = installed.copy(tmp_path_factory.mktemp("half") / "it")
    shutil.rmtree(half.path / INSTALLED / "roles/audit_log")
    two = installed.copy(tmp_path_factory.mktemp("two") / "it")
    other = two.path / "older" / INSTALLED.relative_to("collections")
    shutil.copytree(two.path / INSTALLED, other)
    manifest = json.loads((other / "MANIFEST.json").read_text())
    manifest["collection_info"]["version"] = "0.9.0"
    (other / "MANIFEST.json").write_text(json.dumps(manifest))
    (two.path / "ansible.cfg").write_text("[defaults]\ncollections_path = older\n")
    said = {
        "no base": installed.play(ALONE.format(f"{NAME}.repair_programs")),
        "no become": installed.play(FIVE_LINES.replace("  become: true\n", "")),
        "no role": half.play(ALONE.format(f"{NAME}.audit_base")),
        "two versions": two.play(FIVE_LINES),
        "misspelt": installed.play(FIVE_LINES, audit_log_emial="a@example.com", repair_program_enabled=False),
        "no vault": installed.play(FIVE_LINES, audit_log_smtp_password="{{ vault_password }}"),
    }
    assert installed.nothing_was_done()
    return said


@pytest.mark.parametrize(
    ("mistake", "line"),
    [
        ("no base", f"anybodys: nothing is installed in {HOME}: run the role {NAME}.audit_base first"),
        ("no become", "anybodys: it runs as admin, not as root: set become: true at the play"),
        ("no role", "is not whole, it lacks roles/audit_log: install it again"),
        ("two versions", "is used, and 0.9.0 is in "),
        ("misspelt", "no role knows the variable audit_log_emial: did you mean audit_log_email?"),
        (
            "misspelt",
            "no role knows the variable repair_program_enabled: did you mean repair_programs_enabled?",
        ),
        (
            "no vault",
            "audit_log_smtp_password needs vault_password, which is not defined: put it into the vault",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line_before_anything_changed(
    refused: dict[str, Said], mistake: str, line: str
) -> None:
    assert refused[mistake].returncode == 2
    assert line in refused[mistake].stdout, refused[mistake].stdout


@pytest.fixture(scope="module")
def deployed(installed: Directory, refused: dict[str, Said]) -> tuple[Said, Said]:
    assert refused
    return installed.play(FIVE_LINES), installed.play(FIVE_LINES)


def test_a_playbook_of_five_lines_deploys_and_a_second_run_changes_nothing(
    installed: Directory, deployed: tuple[Said, Said]
) -> None:
    first, second = deployed
    assert first.returncode == 0, first.stdout
    assert (second.returncode, changed(second)) == (0, 0), second.stdout
    doctor = connect(installed.vps, "qt").run(f"python3 {HOME}/tools/audit_logger.py doctor")
    assert doctor.rc == 0, doctor.stdout


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param(IMPORTED, [], id="import_role, with facts"),
        pytest.param(IMPORTED, ["--tags", "logs"], id="the tag of one role"),
        pytest.param(
            "- hosts: all\n  become: true\n  strategy: free\n  serial: 1\n  roles: [mine]\n", [],
            id="include_role in a role of somebody's own, free, one by one",
        ),
        pytest.param(ALONE.format(f"{NAME}.repair_programs"), [], id="one role, in a play of its own"),
        pytest.param(
            FIVE_LINES, ["--start-at-task", "Keys | Authorize the keys"], id="from a task on"
        ),
        pytest.param(f"- import_playbook: {NAME}.verify\n", [], id="the collection's own playbook"),
    ],
)  # fmt: skip
def test_however_a_play_names_the_roles_there_is_nothing_left_to_change(
    installed: Directory, text: str, options: list[str]
) -> None:
    said = installed.play(text, *options)
    assert (said.returncode, changed(said)) == (0, 0), said.stdout
