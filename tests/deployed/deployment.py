"""A deployed VPS as the tests see it: what its deploys said, and ways to look at it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import testinfra  # type: ignore[import-untyped]
from testinfra.host import Host  # type: ignore[import-untyped]

from sandbox.target import Target

__all__ = [
    "HOME",
    "NEEDLES",
    "SECRETS",
    "SOURCE",
    "Deployment",
    "Host",
    "Said",
    "changed",
    "connect",
]

HOME = "/home/qt/quantum_trader"
SOURCE = "__audit_base_source"
SECRETS = {
    "audit_log_alert_webhook": "json+https://hooks.example.com/services/T0/B0/wh-tok3n's-\"$HOME`id`\\x%41",
    "audit_log_email": "audit-mailb0x@example.com",
    "audit_log_redact": ["redact-m3-[0-9]+"],
}
# Pieces of them that stand nowhere else.
NEEDLES = ("wh-tok3n", "audit-mailb0x", "redact-m3-")
Said = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Deployment:
    """A VPS, what the runs of the playbook said, and how it may be run again."""

    vps: Target
    tree: Path
    """What is delivered: a copy, so that an edit in the checkout while the tests run is no drift."""
    dry: Said = field(repr=False)
    first: Said = field(repr=False)
    second: Said = field(repr=False)

    def again(self, *options: str, **variables: object) -> Said:
        """Deploy once more; the variables hold for this run only."""
        return self.vps.playbook("deploy", *options, variables={SOURCE: str(self.tree), **variables})


def changed(said: Said) -> int:
    """How many tasks changed something, by the recap of a run against one host."""
    recap = said.stdout.split("PLAY RECAP", 1)[-1]
    return int(recap.split("changed=", 1)[1].split()[0])


def connect(vps: Target, user: str = "admin") -> Host:
    """testinfra's view of a VPS, over SSH; as admin with sudo, as qt without."""
    return testinfra.get_host(
        f"ssh://{user}@{vps.machine.name}",
        ssh_config=str(vps.machine.ssh_config),
        controlpersist=0,
        sudo=user == "admin",
    )
