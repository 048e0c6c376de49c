"""The VPSs of the tests of the roles: deployed to once in a run, and copies for those that change one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.target import Target
from tests.deployed import frozen
from tests.deployed.deployment import Deployment, Host, connect
from tests.deployed.frozen import Frozen
from tests.deployed.managed import left_as_it_was
from tests.deployed.repairing import Repairing
from tests.support.whole_run import WholeRun

_ASK_FOR_A_COPY = "a test that does so asks for `own_deployment`, or puts back what it changed"


@pytest.fixture(scope="session")
def frozen_deployment(whole_run: WholeRun) -> Frozen:
    return frozen.deployment(whole_run)


@pytest.fixture(scope="session")
def deployment(frozen_deployment: Frozen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The VPS that tests share: they only look at it."""
    made = frozen_deployment
    with made.copy(tmp_path_factory.mktemp("shared")) as vps, left_as_it_was(vps, _ASK_FOR_A_COPY):
        yield Deployment(vps, made.tree, made.dry, made.first, made.second)


@pytest.fixture(scope="module")
def own_deployment(
    frozen_deployment: Frozen, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A copy of that VPS, for the tests of one module, which may change it."""
    made = frozen_deployment
    with made.copy(tmp_path_factory.mktemp("own")) as vps:
        yield Deployment(vps, made.tree, made.dry, made.first, made.second)


@pytest.fixture(scope="module")
def deployed_vps(deployment: Deployment) -> Target:
    return deployment.vps


@pytest.fixture(scope="module")
def host(deployed_vps: Target) -> Host:
    """The deployed VPS, as root."""
    return connect(deployed_vps)


@pytest.fixture(scope="module")
def qt(deployed_vps: Target) -> Host:
    """The deployed VPS, as the account that everything belongs to."""
    return connect(deployed_vps, "qt")


@pytest.fixture(scope="module")
def repairing(whole_run: WholeRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repairing]:
    """A copy of a VPS that repairs itself, for the tests of one module: all is well on it."""
    made = frozen.repairing(whole_run)
    with made.copy(tmp_path_factory.mktemp("repairing")) as vps:
        found = Repairing(vps, made.tree, made.dry, made.first, made.second)
        # What was on a disk in memory is gone, as after each start.
        found.bring_the_trading_system()
        found.wait_until_all_is_well()
        yield found
