"""The frozen disk of a machine that was powered off: copies of the machine boot from it within seconds.

A copy is the same host again: it has the name, the keys and the identity of the original, and a network
address of its own.
"""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import disk, places
from sandbox.errors import SandboxError
from sandbox.process import run

if TYPE_CHECKING:
    from sandbox.machine import Machine

_KEYS = ("id_ed25519", "id_ed25519.pub", "host_key.pub")


@dataclass(frozen=True)
class Snapshot:
    """A frozen disk in `directory`; whoever reads this path from elsewhere may boot copies too."""

    directory: Path

    @classmethod
    def take(cls, machine: Machine, held: Path) -> Snapshot:
        """Power the machine off and keep its disk as the layer that copies stand on; the machine is gone.

        Kept until `remove`, and at most as long as a process holds the lock on the file `held`.
        """
        directory = places.cache() / "snapshots" / f"{machine.name}-{secrets.token_hex(4)}"
        machine.poweroff()
        source = machine.directory
        assert source is not None
        facts = machine.facts()
        kept = {"name": machine.name, "suite": facts["suite"], "held": str(held)}
        with disk.changing():
            directory.mkdir(parents=True, mode=0o700)
            (directory / "snapshot.json").write_text(json.dumps(kept))
            for name in ("base", "layers"):
                if (source / name).exists():
                    shutil.copy(source / name, directory)
            for key in _KEYS:
                shutil.copy2(machine.state / key, directory)
            # A lower layer must not be in use by a machine that runs: this one was powered off.
            for name in ("upper", "docker"):
                (source / name).rename(directory / name)
        machine.down()
        return cls(directory)

    @property
    def name(self) -> str:
        """The name of the machine, and so of each copy."""
        return str(self._facts()["name"])

    @property
    def suite(self) -> str:
        """The Debian release of its base."""
        return str(self._facts()["suite"])

    def _facts(self) -> dict[str, object]:
        try:
            return dict(json.loads((self.directory / "snapshot.json").read_text()))
        except FileNotFoundError as error:
            raise SandboxError(f"there is no snapshot in {self.directory} any more: take it again") from error

    @property
    def base(self) -> Path:
        """The Debian tree at the bottom."""
        return disk.layers(self.directory)[-1]

    def lay(self, machine: Path, state: Path) -> None:
        """Put the machine's empty disk on top of this one; its keys go to `state`."""
        frozen = [self.directory / "upper", *disk.layers(self.directory)[:-1]]
        (machine / "layers").write_text("\n".join(map(str, frozen)))
        # Docker's storage cannot lie on an overlay: each copy has its own.
        run(["cp", "-a", "--reflink=auto", f"{self.directory / 'docker'}/.", str(machine / "docker")])
        for key in _KEYS:
            shutil.copy2(self.directory / key, state)

    def remove(self) -> None:
        """Remove it; copies must have ended."""
        disk.remove(self.directory)


def is_held(directory: Path) -> bool:
    """Whether the process that the snapshot was taken for still lives."""
    try:
        facts = json.loads((directory / "snapshot.json").read_text())
        return places.is_held(Path(facts["held"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False
