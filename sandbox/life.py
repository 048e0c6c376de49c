"""Begins and ends a machine's supervisor, and mends what one that was killed has left."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sandbox import cgroup, disk, network, places, snapshot, supervisor
from sandbox.errors import SandboxError

_POLL_S = 0.05
_START_PATIENCE_S = 60.0


def begin(directory: Path, owner: int | None) -> None:
    """Start the machine's supervisor, which outlives this process unless `owner` names it.

    Returns when the guest begins to boot; SandboxError with the supervisor's complaint if it gave up.
    """
    (directory / "running.json").unlink(missing_ok=True)
    reader, writer = os.pipe()
    command = ["unshare", "--mount", "--propagation=slave", sys.executable, "-m", "sandbox.supervisor"]
    command += [str(directory), str(writer), str(owner or 0)]
    environment = {**os.environ, "PYTHONPATH": str(places.REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        with (directory / "console.log").open("a") as console:
            # A shell between, so that the supervisor is nobody's child here.
            subprocess.run(
                ["sh", "-c", '"$@" &', "sandbox", *command],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environment, cwd="/",
                start_new_session=True, check=True, pass_fds=(writer,),
            )  # fmt: skip
        os.close(writer)
        writer = -1
        ready, _, _ = select.select([reader], [], [], _START_PATIENCE_S)
        # One byte: it boots. The end of the pipe: the supervisor has ended.
        if not ready or not os.read(reader, 1):
            raise SandboxError(f"the machine did not start: {last_words(directory)}")
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)


def last_words(directory: Path) -> str:
    """The last line on the machine's console: why it stopped, where its supervisor complained."""
    with suppress(OSError):
        lines = (directory / "console.log").read_text(errors="replace").strip().splitlines()
        if lines:
            return lines[-1].removeprefix("sandbox: ")
    return "it said nothing"


def keep_console(directory: Path) -> None:
    """A machine that failed to start is removed; what it said stays for whoever looks into it."""
    with suppress(OSError):
        shutil.copy(directory / "console.log", places.cache() / "failed-start.log")


def end(directory: Path) -> None:
    """End the machine whose disk this is, whatever state its supervisor is in."""
    running = supervisor.read_running(directory)
    if places.is_held(directory / "alive"):
        if running is not None:
            with suppress(ProcessLookupError):
                os.kill(running.supervisor, signal.SIGTERM)
        with suppress(SandboxError):
            wait(lambda: not places.is_held(directory / "alive"), 15.0, "")
    cgroup.end(directory)
    if running is not None and not places.is_held(directory / "alive"):
        network.release_if_owned(network.Network(running.slot), directory)


def remove_abandoned() -> None:
    """Remove machines whose clone is gone or has forgotten them, and snapshots whose owner has ended."""
    with disk.changing():
        machines = [path for path in places.cache().glob("machines/*/") if not _is_known(path)]
        frozen = [path for path in places.cache().glob("snapshots/*/") if not snapshot.is_held(path)]
    for directory in machines:
        end(directory)
        disk.remove(directory)
    for directory in frozen:
        disk.remove(directory)


def _is_known(directory: Path) -> bool:
    """Whether the state that the machine names still names the machine."""
    try:
        facts = json.loads((directory / "machine.json").read_text())
        owner = json.loads((Path(facts["state"]) / "machine.json").read_text())
        return bool(owner["directory"] == facts["directory"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def wait(condition: Callable[[], bool], patience_s: float, complaint: str) -> None:
    """Return once `condition` holds; SandboxError with `complaint` after `patience_s` seconds."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise SandboxError(complaint)
        time.sleep(_POLL_S)
