"""A machine with an inventory of its own: what the tests deploy to, apart from the clone's own `vps`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.machine import Machine
from sandbox.places import REPOSITORY


@dataclass(frozen=True)
class Target:
    """A booted machine and the inventory directory that names it, and no other, as a host."""

    machine: Machine
    inventory: Path

    @classmethod
    @contextmanager
    def boot(cls, root: Path, name: str = "vps", suite: str = "bookworm") -> Iterator[Target]:
        """A fresh machine below the directory `root`, gone afterwards.

        `root` has the shape of the repository (inventory/sandbox beside .sandbox), so that the variables
        of the repository's own inventory/sandbox apply as they are.
        """
        inventory = root / "inventory" / "sandbox"
        shutil.copytree(REPOSITORY / "inventory" / "sandbox", inventory)
        # A JSON document is a YAML document.
        (inventory / "hosts.yml").write_text(json.dumps({"all": {"hosts": {name: None}}}))
        with Machine.boot(name, suite, state_root=root / ".sandbox") as machine:
            yield cls(machine, inventory)

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
