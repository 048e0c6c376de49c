"""Wrong variables are refused before the host is touched, by name, and no secret is shown."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

SECRET = "tok3n-that-nobody-may-see"
# Nothing listens there: a playbook that gets as far as the host ends as `unreachable`, with another status.
NOBODY = "ansible_host=127.0.0.1 ansible_port=1"
FAILED = 2


def deploy(variables: dict[str, object], inventory: Path) -> subprocess.CompletedProcess[str]:
    hosts = inventory / "hosts.ini"
    hosts.write_text(f"web1 {NOBODY}\n")
    extra = inventory / "extra.json"
    extra.write_text(json.dumps(variables))
    command = [".venv/bin/ansible-playbook", "-i", str(hosts), "playbooks/deploy.yml", "-vvv", "--diff"]
    return subprocess.run(
        [*command, "--extra-vars", f"@{extra}", "--tags", "repair_programs"],
        cwd=ROOT,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("audit_base_user", "root", "audit_base_user must be the name of an account other than root"),
        ("audit_base_user", "Q T", 'not "Q T"'),
        ("audit_base_group", "", "audit_base_group must be the name of a group"),
        ("audit_base_home", None, "audit_base_home"),
        ("audit_base_home", "quantum_trader", "audit_base_home must be an absolute path"),
        ("audit_base_home", "/srv/../etc", "audit_base_home must be an absolute path"),
        ("audit_base_home", "/home/qt", "other than audit_base_user_home"),
        ("audit_base_home", "/srv/100 %\n* * * * *", "audit_base_home must be an absolute path"),
        ("audit_base_authorized_keys", {"a": 1}, "audit_base_authorized_keys"),
        ("audit_base_authorized_keys", ["ssh-ed25519 A\nssh-rsa B"], "audit_base_authorized_keys"),
        ("audit_base_packages", ["cron", "no such; package"], "audit_base_packages"),
        ("audit_base_min_free_mb", "plenty", "audit_base_min_free_mb"),
        ("audit_base_min_free_mb", -1, "audit_base_min_free_mb must be 0 or more, not -1"),
    ],
)
def test_a_wrong_variable_of_audit_base_is_named(name: str, value: object, says: str, tmp_path: Path) -> None:
    said = deploy({name: value}, tmp_path)
    assert said.returncode == FAILED, said.stdout
    assert says in said.stdout.replace("\\n", " ").replace('\\"', '"')
    assert "Traceback" not in said.stdout


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("audit_log_alert_webhook", f"https://hooks.example.com/{SECRET}\nQT_X='1'", "must be one line"),
        ("audit_log_alert_webhook", f"https://hooks.example.com/{SECRET}\x1b[31m", "must be one line"),
        ("audit_log_alert_webhook", {"url": SECRET}, "must be a text"),
        ("audit_log_alert_webhook", [SECRET], "must be a text"),
        ("audit_log_email", f"{SECRET}@example.com\r", "must be one line"),
        ("audit_log_smtp_server", None, "audit_log_smtp_server"),
        ("audit_log_smtp_port", 0, "must be a port from 1 to 65535"),
        ("audit_log_smtp_port", "twenty-five", "audit_log_smtp_port"),
        ("audit_log_lock_timeout", 0, "must be from 0.01 to 3600 seconds"),
        ("audit_log_redact", ["a b"], "without blanks"),
        ("audit_log_redact", [""], "without blanks"),
        ("audit_log_required", "perhaps", "audit_log_required"),
        ("audit_log_settings", f"QT_SMTP_PASSWORD={SECRET}", "must be a mapping"),
        ("audit_log_settings", {"QT_SMTP_PASSWORD": f"{SECRET}\n"}, "QT_SMTP_PASSWORD must be one line"),
        ("audit_log_settings", {"PATH": SECRET}, '"PATH" must be a name that begins with QT_'),
        ("audit_log_settings", {"QT_X": {"y": SECRET}}, "QT_X must be a text or a number"),
        ("audit_log_wake_minutes", 0, "must be from 1 to 60"),
        ("audit_log_archive_at", 205, "must be a time"),
        ("audit_log_archive_at", "25:00", "must be a time"),
        ("audit_log_rotate_keep", 0, "must be 1 or more"),
        ("audit_log_rotate_size_mb", "ten", "audit_log_rotate_size_mb"),
    ],
)
def test_a_wrong_variable_of_audit_log_is_named_and_no_secret_is_shown(
    name: str, value: object, says: str, tmp_path: Path
) -> None:
    said = deploy({name: value}, tmp_path)
    assert said.returncode == FAILED, said.stdout
    assert name in said.stdout
    assert says in said.stdout.replace("\\n", " ").replace('\\"', '"')
    assert SECRET not in said.stdout
    assert "Traceback" not in said.stdout


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("repair_programs_source", "theirs", "must be ours or existing, not theirs"),
        ("repair_programs_enabled", "perhaps", "repair_programs_enabled"),
        ("repair_programs_wake_minutes", 0, "must be from 1 to 60, not 0"),
        ("repair_programs_auto_repair_every", 61, "must be from 1 to 60, or 0 for never"),
        ("repair_programs_existing", "my_script.py", "must be a list of mappings"),
        ("repair_programs_existing", [{"name": "x"}], "must have name, command and schedule"),
        ("repair_programs_auto_repair_system", f"dsn={SECRET}", "must be a mapping"),
        ("repair_programs_auto_repair_system", [SECRET], "must be a mapping"),
        (
            "repair_programs_auto_repair_system",
            {"repairs": {"db": {"kind": "postgres_database", "dsn": SECRET}}},
            "needs the key database",
        ),
        (
            "repair_programs_auto_repair_system",
            {"repairs": {"db": {"kind": SECRET}}},
            "must be one of command",
        ),
        ("repair_programs_realtime_monitor", {"thresholds": {"tcp": [{"port": SECRET}]}}, "a whole number"),
        ("repair_programs_weekly_self_heal", {"phases": {"smoke": SECRET}}, "unknown key"),
    ],
)
def test_a_wrong_variable_of_repair_programs_is_named_and_no_secret_is_shown(
    name: str, value: object, says: str, tmp_path: Path
) -> None:
    said = deploy({name: value}, tmp_path)
    assert said.returncode == FAILED, said.stdout
    assert name in said.stdout
    assert says in " ".join(said.stdout.split()).replace('\\"', '"')
    assert SECRET not in said.stdout
    assert "Traceback" not in said.stdout


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    said = deploy({"audit_log_smtp_port": 0, "audit_log_wake_minutes": 61}, tmp_path)
    assert said.returncode == FAILED
    assert "audit_log_smtp_port must be" in said.stdout
    assert "audit_log_wake_minutes must be" in said.stdout


@pytest.mark.parametrize("playbook", ["deploy", "verify"])
def test_without_an_inventory_it_says_so(playbook: str) -> None:
    said = subprocess.run(
        [".venv/bin/ansible-playbook", f"playbooks/{playbook}.yml"],
        cwd=ROOT,
        check=False,
        text=True,
        capture_output=True,
    )
    assert said.returncode != 0
    assert "name-an-inventory-with--i" in said.stderr


def test_the_example_inventory_can_be_read() -> None:
    listed = subprocess.run(
        [".venv/bin/ansible-inventory", "-i", "inventory/example", "--list"],
        cwd=ROOT,
        check=False,
        text=True,
        capture_output=True,
    )
    assert listed.returncode == 0, listed.stderr
    assert listed.stderr == ""
    assert set(json.loads(listed.stdout)["_meta"]["hostvars"]) == {"vps.example.com", "vps2.example.com"}
