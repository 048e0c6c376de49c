"""Machines with an inventory of their own: what the tests deploy to, apart from the clone's own `vps`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sandbox.machine import Machine
from sandbox.places import REPOSITORY
from sandbox.snapshot import Snapshot

_T = TypeVar("_T", bound="Target")


@dataclass(frozen=True)
class Target:
    """A booted machine and the inventory directory that names it as a host."""

    machine: Machine
    inventory: Path

    @classmethod
    @contextmanager
    def boot(cls: type[_T], root: Path, name: str = "vps", suite: str = "bookworm") -> Iterator[_T]:
        """A fresh machine below the directory `root`, gone afterwards."""
        with cls.boot_all(root, [name], suite) as target:
            yield target

    @classmethod
    @contextmanager
    def boot_copy(cls: type[_T], root: Path, snapshot: Snapshot, inventory: Path) -> Iterator[_T]:
        """A copy of the machine that the snapshot was taken of, and of the inventory that names it."""
        own = root / "inventory" / "sandbox"
        shutil.copytree(inventory, own)
        with Machine.boot(
            snapshot.name, snapshot.suite, state_root=root / ".sandbox", copy_of=snapshot
        ) as machine:
            yield cls(machine, own)

    @classmethod
    @contextmanager
    def boot_all(
        cls: type[_T],
        root: Path,
        names: Sequence[str],
        suite: str = "bookworm",
        others: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Iterator[_T]:
        """Fresh machines that are the hosts of one inventory, with `others` that are no machines of ours.

        `root` has the shape of the repository (inventory/sandbox beside .sandbox), so that the variables
        of the repository's own inventory/sandbox apply as they are. `machine` is the first of them.
        """
        inventory = root / "inventory" / "sandbox"
        shutil.copytree(REPOSITORY / "inventory" / "sandbox", inventory)
        # A JSON document is a YAML document.
        hosts = {**dict.fromkeys(names), **(others or {})}
        (inventory / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
        with ExitStack() as booted:
            machines = [
                booted.enter_context(Machine.boot(name, suite, state_root=root / ".sandbox"))
                for name in names
            ]
            yield cls(machines[0], inventory)

    def playbook(
        self, name: str, *options: str, variables: Mapping[str, object] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run playbooks/`name`.yml against it with the repository's ansible.cfg; output captured as text."""
        extra = ["--extra-vars", json.dumps(dict(variables))] if variables else []
        return self._ansible(["ansible-playbook", f"playbooks/{name}.yml", *extra, *options])

    def ansible(self, module: str, arguments: str = "", *options: str) -> subprocess.CompletedProcess[str]:
        """Run one module on it, as `ansible all -m MODULE -a ARGUMENTS`."""
        return self._ansible(["ansible", "all", "-m", module, "-a", arguments, *options])

    def _ansible(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        program, *rest = command
        return subprocess.run(
            [str(REPOSITORY / ".venv" / "bin" / program), "-i", str(self.inventory), *rest],
            cwd=REPOSITORY, env={**os.environ, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        )  # fmt: skip
