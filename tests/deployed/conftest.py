"""The VPS that the tests of the roles share: dry-run while bare, deployed with secrets, deployed again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

from sandbox.target import Target
from tests.deployed.deployment import DELIVERED, SECRETS, SOURCE, Deployment, Host, connect
from tests.deployed.repairing import TRADING_SYSTEM, Repairing, add_a_secret


@pytest.fixture(scope="session")
def deployment(fresh_vps: Callable[..., Target], tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    vps = fresh_vps("audited")
    tree = tmp_path_factory.mktemp("delivered") / "quantum_trader"
    shutil.copytree(DELIVERED, tree)
    secrets = vps.inventory / "group_vars" / "all" / "secrets.yml"
    secrets.write_text(json.dumps(SECRETS))
    secrets.chmod(0o600)
    source = {SOURCE: str(tree)}
    dry = vps.playbook("deploy", "--check", "--diff", "-vvv", variables=source)
    first = vps.playbook("deploy", "--diff", "-vvv", variables=source)
    if first.returncode != 0:
        pytest.fail(f"the deploy failed:\n{first.stdout[-20000:]}", pytrace=False)
    return Deployment(vps, tree, dry, first, vps.playbook("deploy", "--diff", "-vvv", variables=source))


@pytest.fixture(scope="session")
def deployed_vps(deployment: Deployment) -> Target:
    return deployment.vps


@pytest.fixture(scope="session")
def host(deployed_vps: Target) -> Host:
    """The deployed VPS, as root."""
    return connect(deployed_vps)


@pytest.fixture(scope="session")
def qt(deployed_vps: Target) -> Host:
    """The deployed VPS, as the account that everything belongs to."""
    return connect(deployed_vps, "qt")


@pytest.fixture(scope="session")
def repairing(fresh_vps: Callable[..., Target], tmp_path_factory: pytest.TempPathFactory) -> Repairing:
    """A VPS of its own, with the sandbox's trading system: dry-run while bare, deployed, deployed again."""
    vps = fresh_vps("vps")
    tree = tmp_path_factory.mktemp("repairing") / "quantum_trader"
    shutil.copytree(DELIVERED, tree)
    add_a_secret(vps.inventory / "host_vars" / "vps.yml")
    source = {SOURCE: str(tree)}
    dry = vps.playbook("deploy", "--check", "--diff", "-vvv", variables=source)
    vps.machine.run(["sudo", "bash", "-s"], stdin=TRADING_SYSTEM.read_text())
    first = vps.playbook("deploy", "--diff", "-vvv", variables=source)
    if first.returncode != 0:
        pytest.fail(f"the deploy failed:\n{first.stdout[-20000:]}", pytrace=False)
    return Repairing(vps, tree, dry, first, vps.playbook("deploy", "--diff", variables=source))
