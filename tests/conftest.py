"""What every test may ask for: sandboxed VPSs that never outlive the test run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

from sandbox import SandboxError
from sandbox.target import Target
from tests.support.whole_run import WholeRun

FreshVps = Callable[..., Target]
# How long an example takes says something of the machine's load and nothing of the code.
settings.register_profile("any load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any load")
_RUN = pytest.StashKey[WholeRun]()
_RUNNING = pytest.StashKey[AbstractContextManager[WholeRun]]()


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
    if hasattr(config, "workerinput"):
        config.stash[_RUN] = WholeRun(Path(config.workerinput["whole_run"]))
    else:
        config.stash[_RUNNING] = WholeRun.begin()
        config.stash[_RUN] = config.stash[_RUNNING].__enter__()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that began the run ends it, once all workers are gone."""
    if _RUNNING in config.stash:
        config.stash[_RUNNING].__exit__(None, None, None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each worker of xdist which run it is part of."""
    node.workerinput["whole_run"] = str(node.config.stash[_RUN].directory)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of one file of tests/deployed share a VPS, and so stay in one worker.

    First of all, for xdist reads the mark in the same hook.
    """
    for item in items:
        if "deployed" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@pytest.fixture
def as_root() -> None:
    """What only root can set up: mounts, other users, other owners. Fails, and says so, for anybody else."""
    if os.geteuid() != 0:
        pytest.fail("this test must run as root: `make test` does, or uses sudo", pytrace=False)


@pytest.fixture(scope="session")
def whole_run(pytestconfig: pytest.Config) -> WholeRun:
    """What the workers of this run make once and share."""
    return pytestconfig.stash[_RUN]


@pytest.fixture(scope="module")
def fresh_vps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshVps]:
    """Boots a bare VPS a call: fresh_vps(name="vps", suite="bookworm"). They end with the module's tests."""
    with ExitStack() as booted:

        def boot(name: str = "vps", suite: str = "bookworm") -> Target:
            root = tmp_path_factory.mktemp(f"{name}-")
            try:
                return booted.enter_context(Target.boot(root, name, suite))
            except SandboxError as error:
                pytest.fail(f"no sandbox for this test: {error}", pytrace=False)

        yield boot
