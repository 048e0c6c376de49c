"""A control group for each machine: all its processes, and no other, can be ended through it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from sandbox.errors import SandboxError

_ROOT = Path("/sys/fs/cgroup")
_PATIENCE_S = 10.0


def has_systemd() -> bool:
    """Whether systemd runs this machine; then it owns the tree and hands out a scope."""
    return Path("/run/systemd/system").is_dir()


def scope(machine: Path) -> str:
    """The name of the machine's scope under systemd."""
    return f"quantum-trader-sandbox-{machine.name}.scope"


def command_prefix(machine: Path) -> list[str]:
    """What to put before a command so that it runs in the machine's group."""
    if has_systemd():
        # A guest does not hold up the shutdown of this machine for systemd's usual minute and a half.
        limits = ["--property=Delegate=yes", "--property=TimeoutStopSec=5s"]
        options = ["--scope", "--quiet", "--collect", *limits]
        return ["systemd-run", *options, f"--unit={scope(machine)}"]
    for group in groups(machine):
        group.mkdir(parents=True, exist_ok=True)
    enter = "".join(f"echo $$ >'{group}/cgroup.procs' && " for group in groups(machine))
    return ["sh", "-c", f'{enter}exec "$@"', "sandbox"]


def groups(machine: Path) -> list[Path]:
    """The machine's directories in each hierarchy that systemd uses (two on a hybrid set-up)."""
    if has_systemd():
        return [_ROOT / "system.slice" / scope(machine)]
    roots = [_ROOT / "unified", _ROOT / "systemd"] if (_ROOT / "unified").is_dir() else [_ROOT]
    return [root / "quantum-trader-sandbox" / machine.name for root in roots if root.is_dir()]


def kill(machine: Path) -> None:
    """Kill every process of the machine, without waiting until they are gone."""
    for group in groups(machine):
        with suppress(OSError):
            (group / "cgroup.kill").write_text("1")
        for directory in _deepest_first(group):
            _kill_members(directory)


def end(machine: Path) -> None:
    """Kill every process of the machine and remove its groups; nothing there: nothing done."""
    deadline = time.monotonic() + _PATIENCE_S
    for group in groups(machine):
        while group.is_dir() and not _end_group(group):
            if time.monotonic() > deadline:
                raise SandboxError(f"processes in {group} do not end: look at them with systemd-cgls {group}")
            time.sleep(0.02)


def _end_group(group: Path) -> bool:
    with suppress(OSError):
        (group / "cgroup.kill").write_text("1")
    for directory in _deepest_first(group):
        _kill_members(directory)
        with suppress(OSError):  # busy until the kernel has buried its processes
            directory.rmdir()
    return not group.exists()


def _deepest_first(group: Path) -> list[Path]:
    """The group and all below it; what vanishes meanwhile is passed over (rglob would fail)."""
    return [Path(directory) for directory, _, _ in os.walk(group, topdown=False)]


def _kill_members(directory: Path) -> None:
    """For hierarchies and kernels without cgroup.kill."""
    if (directory / "cgroup.kill").exists():
        return
    with suppress(OSError):
        for pid in (directory / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), 9)
