"""What every test may ask for: sandboxed VPSs, fresh or deployed, that never outlive the test run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import FrameType
from typing import NoReturn

import pytest

from sandbox import SandboxError
from sandbox.target import Target

FreshVps = Callable[..., Target]


def pytest_configure(config: pytest.Config) -> None:
    """A SIGTERM ends the run as Ctrl-C does: fixtures are torn down, machines go."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
        # A run in the background (`make test &`, nohup) hands these on as ignored, and programs under
        # test would ignore what the tests send them.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(
                    number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
                )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a deployed VPS stay in one worker, unless they name a group of their own."""
    for item in items:
        if "deployed" in item.path.parts and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("deployed"))


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@pytest.fixture
def as_root() -> None:
    """What only root can set up: mounts, other users, other owners. Fails, and says so, for anybody else."""
    if os.geteuid() != 0:
        pytest.fail("this test must run as root: `make test` does, or uses sudo", pytrace=False)


@pytest.fixture(scope="session")
def fresh_vps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshVps]:
    """Boots a bare VPS a call: fresh_vps(name="vps", suite="bookworm"). They end with the test session."""
    with ExitStack() as booted:

        def boot(name: str = "vps", suite: str = "bookworm") -> Target:
            root = tmp_path_factory.mktemp(f"{name}-")
            try:
                return booted.enter_context(Target.boot(root, name, suite))
            except SandboxError as error:
                pytest.fail(f"no sandbox for this test: {error}", pytrace=False)

        yield boot


@pytest.fixture(scope="session")
def deployed_vps(fresh_vps: FreshVps) -> Target:
    """One VPS that playbooks/deploy.yml was run against, shared by the tests of a worker."""
    vps = fresh_vps()
    deployed = vps.playbook("deploy")
    if deployed.returncode != 0:
        pytest.fail(f"the deploy failed:\n{deployed.stdout}", pytrace=False)
    return vps
