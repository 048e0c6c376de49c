"""What is checked before anything is changed: the collection, names of variables, what they refer to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError

from tests.support.checkout import ROOT
from tests.support.plugins import load

check = load("plugins/action/audit_base_check.py")
KNOWN = check.known_variables(ROOT)
VAULT = "$ANSIBLE_VAULT;1.1;AES256\n" + "61" * 40 + "\n"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("audit_log_emial", "audit_log_email"),
        ("audit_log_user", "audit_base_user"),
        ("audit_base_unmanaged_file", "audit_base_unmanaged_files"),
        ("audit_log_webhook", "audit_log_alert_webhook"),
        ("repair_program_enabled", "repair_programs_enabled"),
        ("repair_programs_realtime_monitr", "repair_programs_realtime_monitor"),
    ],
)
def test_a_name_that_no_role_knows_is_told_with_the_one_that_was_meant(name: str, meant: str) -> None:
    assert list(check.unknown_variables([name], KNOWN)) == [
        f"no role knows the variable {name}: did you mean {meant}?"
    ]


def test_a_name_like_no_other_is_told_without_a_guess() -> None:
    [said] = check.unknown_variables(["audit_log_xyzzy"], KNOWN)
    assert said.startswith("no role knows the variable audit_log_xyzzy: the roles' READMEs")


def test_names_of_the_roles_and_of_others_are_let_pass() -> None:
    others = ["__audit_base_source", "auditd_log", "ansible_user", "repair", "audit"]
    assert list(check.unknown_variables([*KNOWN, *others], KNOWN)) == []


def test_the_checkout_is_whole() -> None:
    assert list(check.what_is_missing(ROOT)) == []


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        (["roles/audit_log"], "roles/audit_log:"),
        (["roles/audit_log/vars", "files/quantum_trader/tools/qt_repair"],
         "files/quantum_trader/tools/qt_repair, roles/audit_log/vars/main.yml:"),
    ],
)  # fmt: skip
def test_what_a_half_installed_collection_lacks_is_named(
    tmp_path: Path, gone: Sequence[str], named: str
) -> None:
    for part in ("roles", "files"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for name in gone:
        shutil.rmtree(tmp_path / name)
    [said] = check.what_is_missing(tmp_path)
    assert f"it lacks {named}" in said


def install(path: Path, version: str) -> Path:
    place = path / "ansible_collections/quantum_trader/audit"
    place.mkdir(parents=True)
    (place / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": version}}))
    return place


def test_another_version_on_the_path_is_named_with_both_places(tmp_path: Path) -> None:
    used, same, other = (
        install(tmp_path / name, version)
        for name, version in [("a", "1.0.0"), ("b", "1.0.0"), ("c", "0.9.0")]
    )
    paths = [str(tmp_path / name) for name in ("a", "b", "c", "nowhere")]
    [said] = check.other_versions(used, [*paths, str(tmp_path / "c" / "ansible_collections")])
    assert said.startswith(f"quantum_trader.audit 1.0.0 in {used} is used, and 0.9.0 is in {other}: remove")
    assert str(same) not in said


def test_a_checkout_uses_itself_whatever_else_is_installed(tmp_path: Path) -> None:
    install(tmp_path, "0.9.0")
    assert list(check.other_versions(ROOT, [str(tmp_path)])) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("'vault_mail' is undefined", "x needs vault_mail, which is not defined: put it into the vault"),
        ("Error: 'mail' is undefined.", "x needs mail, which is not defined"),
        ("Decryption failed (no vault secrets were found that could decrypt)", "x is in a vault that cannot"),
        ("template error: s3cret", "x cannot be worked out: it is a template with a mistake in it"),
    ],
)
def test_a_value_that_cannot_be_worked_out_is_told_without_it(said: str, told: str) -> None:
    def fails(_value: Any) -> Any:
        raise AnsibleError(said)

    [line] = check.unresolved({"x": "{{ s3cret }}"}, fails)
    assert line.startswith(told)
    assert "s3cret" not in line


def play(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A playbook as a person runs it there: make's own settings of Ansible do not count."""
    return subprocess.run(
        [str(ROOT / ".venv/bin/ansible-playbook"), *arguments],
        cwd=cwd, env={name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_vault_file_that_cannot_be_opened_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text(VAULT)
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"vps": None}}}))
    said = play(ROOT, "-i", str(tmp_path), "playbooks/deploy.yml")
    assert said.returncode != 0
    assert (
        "a vault of this inventory cannot be opened: give its password with --ask-vault-pass" in said.stderr
    )


def test_the_playbooks_find_their_roles_where_ansible_ignores_our_settings(tmp_path: Path) -> None:
    """A checkout that everybody may write to, as on a shared drive; Ansible itself says what it ignores."""
    for name in ("playbooks", "roles", "plugins"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True)
    shutil.copy(ROOT / "ansible.cfg", tmp_path)
    tmp_path.chmod(0o777)
    said = play(tmp_path, "-i", "vps,", "--syntax-check", "playbooks/deploy.yml", "playbooks/verify.yml")
    assert said.returncode == 0, said.stderr
    assert "world writable directory" in said.stderr
