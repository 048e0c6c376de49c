"""Debian 13: dry run, deploy, deploy again, verify. The rest is asked of Debian 12."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sandbox.target import Target
from tests.deployed.deployment import SOURCE, changed
from tests.support.checkout import DELIVERED


def test_debian_13_is_deployed_to_and_well(fresh_vps: Callable[..., Target], tmp_path: Path) -> None:
    vps = fresh_vps("debian13", "trixie")
    tree = tmp_path / "quantum_trader"
    shutil.copytree(DELIVERED, tree)
    source = {SOURCE: str(tree)}
    dry = vps.playbook("deploy", "--check", "--diff", variables=source)
    assert dry.returncode == 0, dry.stdout
    first = vps.playbook("deploy", variables=source)
    assert first.returncode == 0, first.stdout
    assert "untested" not in first.stdout
    second = vps.playbook("deploy", variables=source)
    assert changed(second) == 0, second.stdout
    verified = vps.playbook("verify")
    assert verified.returncode == 0, verified.stdout
