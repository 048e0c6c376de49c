"""Debian 13: dry run, deploy, deploy again, verify. The rest is asked of Debian 12."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.target import Target
from tests.deployed.deployment import SOURCE, Deployment, changed


def test_debian_13_is_deployed_to_and_well(fresh_vps: Callable[..., Target], deployment: Deployment) -> None:
    vps = fresh_vps("debian13", "trixie")
    source = {SOURCE: str(deployment.tree)}
    dry = vps.playbook("deploy", "--check", "--diff", variables=source)
    assert dry.returncode == 0, dry.stdout
    first = vps.playbook("deploy", variables=source)
    assert first.returncode == 0, first.stdout
    assert "untested" not in first.stdout
    second = vps.playbook("deploy", variables=source)
    assert changed(second) == 0, second.stdout
    verified = vps.playbook("verify")
    assert verified.returncode == 0, verified.stdout
