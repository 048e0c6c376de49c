"""No run of any playbook tells a secret, even at -vvv --diff; on the VPS they are in audit.env alone."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, SOURCE, Said, changed, connect
from tests.support.checkout import DELIVERED

TOKEN = re.compile(r"tok-[a-z]+-[0-9a-f]+")


def secrets(generation: str) -> dict[str, object]:
    """Every variable that may hold one, each with a token of this generation. Nothing listens anywhere."""
    return {
        "audit_log_alert_webhook": f"slack+http://127.0.0.1:9/services/tok-hook-{generation}",
        "audit_log_smtp_server": "127.0.0.1",
        "audit_log_smtp_port": 9,
        "audit_log_email": f"tok-mailbox-{generation}@example.com",
        "audit_log_smtp_user": "qt",
        "audit_log_smtp_password": f"tok-password-{generation} '\"$x\\",
        "audit_log_webhook_secret": f"tok-signing-{generation}-0123456789",
        "audit_log_notify_urls": f"json://user:tok-apprise-{generation}@127.0.0.1:9/",
        "audit_log_heartbeat_url": f"http://127.0.0.1:9/tok-heartbeat-{generation}",
        "audit_log_redact": [f"tok-pattern-{generation}"],
        "audit_log_settings": {"QT_MAIL_FROM": f"tok-from-{generation}@example.com"},
    }


class Life:
    """The VPS, and everything that the runs of the playbooks said."""

    def __init__(self, vps: Target, tree: Path, away: Path) -> None:
        self.vps, self.tree, self.away = vps, tree, away
        self.host = connect(vps)
        self.said: dict[str, str] = {}

    def set(self, generation: str, **more: object) -> None:
        """From now on the inventory holds these."""
        file = self.vps.inventory / "group_vars" / "all" / "secrets.yml"
        others = {"repair_programs_enabled": False}
        file.write_text(json.dumps({**secrets(generation), **others, **more}))

    def play(self, what: str, name: str, *options: str, **variables: object) -> Said:
        given = {SOURCE: str(self.tree), "audit_base_evidence_to": str(self.away), **variables}
        said = self.vps.playbook(name, "-vvv", "--diff", *options, variables=given)
        self.said[what] = said.stdout
        return said


@pytest.fixture(scope="module")
def life(fresh_vps: Callable[..., Target], tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Lived up to the day before the removal."""
    vps = fresh_vps("secrets")
    tree = tmp_path_factory.mktemp("secrets-tree") / "quantum_trader"
    shutil.copytree(DELIVERED, tree)
    life = Life(vps, tree, tmp_path_factory.mktemp("evidence"))
    life.host.check_output("touch /srv/marker")
    life.set("a")
    assert life.play("dry run on a bare host", "deploy", "--check").returncode == 0
    first = life.play("first deploy", "deploy")
    assert first.returncode == 0, TOKEN.sub("…", first.stdout[-3000:])
    life.set("b")
    assert changed(life.play("dry run with other secrets", "deploy", "--check")) > 0
    assert changed(life.play("deploy with other secrets", "deploy")) > 0
    # By standard input: sudo writes commands into the journal.
    vps.machine.run(["sudo", "sh"], stdin=f"sed -i s/tok-hook-b/tok-hook-c/ {HOME}/config/audit.env")
    assert "audit.env: differs" in life.play("verify where they drifted", "verify").stdout
    life.set("d", audit_log_smtp_security="tok-security-d")
    assert life.play("deploy with a value that the role refuses", "deploy").returncode == 2
    life.set("e", audit_log_settings={"QT_LOCK_TIMEOUT": "tok-timeout-e"})
    assert life.play("deploy with a value that the tool refuses", "deploy").returncode == 2
    life.set("f", audit_base_home="/dev/null/quantum_trader")
    assert life.play("deploy that fails half way", "deploy").returncode == 2
    life.set("b")
    (tree / "tools" / "another.py").write_text("")
    assert life.play("another release", "deploy").returncode == 0
    assert life.play("going back", "rollback").returncode == 0
    return life


@dataclass(frozen=True)
class Found:
    """Where tokens are on the VPS."""

    files: list[str]
    in_the_settings: int
    in_the_journal: str
    in_processes: list[str]


@pytest.fixture(scope="module")
def found(life: Life) -> Found:
    """Looked for in every file that was written since the VPS was bare, the journal, and every process."""
    life.vps.machine.run(["sudo", "tee", "/srv/pattern"], stdin=TOKEN.pattern + "\n")
    searching = "find / -xdev -type f -cnewer /srv/marker -exec grep -lE -f /srv/pattern -- {} + ; true"
    seen = life.host.check_output("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'")
    return Found(
        life.host.check_output(searching).splitlines(),
        len(TOKEN.findall(life.host.check_output(f"cat {HOME}/config/audit.env"))),
        life.host.check_output("journalctl --no-pager -o export | grep -cE -f /srv/pattern; true"),
        TOKEN.findall(seen),
    )


def test_the_tokens_are_in_the_settings_and_nowhere_else_on_the_vps(found: Found) -> None:
    assert found == Found([f"{HOME}/config/audit.env"], 8, "0", [])


@pytest.mark.usefixtures("found")
def test_no_run_of_a_playbook_told_one(life: Life) -> None:
    assert life.play("dry run of the removal", "remove", "--check").returncode == 0
    assert life.play("removal", "remove", audit_base_remove_evidence=True).returncode == 0
    assert len(life.said) == 12
    told = {what: sorted(set(TOKEN.findall(text))) for what, text in life.said.items()}
    assert {what: tokens for what, tokens in told.items() if tokens} == {}
    assert "audit_log" in life.said["first deploy"]
    assert list(life.away.rglob("status.tar.gz")) != []
