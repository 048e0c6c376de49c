"""A VPS that is deployed to once in a run of the tests; each who changes one boots a copy of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import SandboxError, Snapshot
from sandbox.target import Target
from tests.deployed.deployment import SECRETS, SOURCE, Said
from tests.deployed.repairing import Repairing, add_a_secret
from tests.support.checkout import DELIVERED
from tests.support.whole_run import WholeRun

_VERY_TALKATIVE = ("--diff", "-vvv")


@dataclass(frozen=True)
class Frozen:
    """Its disk, its inventory, what was delivered, and what the runs of the playbook said."""

    snapshot: Snapshot
    inventory: Path
    tree: Path
    """What is delivered: a copy, so that an edit in the checkout while the tests run is no drift."""
    dry: Said
    first: Said
    second: Said

    @classmethod
    def load(cls, directory: Path) -> Frozen:
        """What `_freeze` has kept there."""
        kept = json.loads((directory / "said.json").read_text())
        said = {name: Said([], code, out) for name, (code, out) in kept.items()}
        snapshot = Snapshot(Path((directory / "snapshot").read_text()))
        return cls(snapshot, _inventory(directory), _tree(directory), **said)

    @contextmanager
    def copy(self, root: Path) -> Iterator[Target]:
        """Boot a copy below the directory `root`, with an inventory of its own; gone afterwards."""
        with copied(root, self.snapshot, self.inventory) as vps:
            yield vps


@contextmanager
def copied(root: Path, snapshot: Snapshot, inventory: Path) -> Iterator[Target]:
    """A copy of a frozen VPS below the new directory `root`, all up; gone afterwards."""
    try:
        with Target.boot_copy(root, snapshot, inventory) as vps:
            # It answers before it is all up; a unit that fails is for the tests to find.
            vps.machine.run("systemctl is-system-running --wait", check=False)
            yield vps
    except SandboxError as error:
        pytest.fail(f"no copy for this test: {error}", pytrace=False)


def deployment(run: WholeRun) -> Frozen:
    """A VPS with secrets and no repairs: dry-run while bare, deployed, deployed again."""

    def make(directory: Path) -> None:
        with _booted(directory, "audited") as vps:
            secrets = vps.inventory / "group_vars" / "all" / "secrets.yml"
            secrets.write_text(json.dumps(SECRETS))
            secrets.chmod(0o600)
            said = _deployed(directory, vps)
            _freeze(directory, vps, run, said)

    return Frozen.load(run.once("deployment", make))


def repairing(run: WholeRun) -> Frozen:
    """A VPS with the sandbox's trading system: dry-run while bare, deployed, deployed again, all well."""

    def make(directory: Path) -> None:
        with _booted(directory, "vps") as vps:
            add_a_secret(vps.inventory / "host_vars" / "vps.yml")
            found = Repairing(vps, _tree(directory), *[Said([], 0, "")] * 3)
            said = _deployed(directory, vps, before_the_first=found.bring_the_trading_system)
            found.wait_until_all_is_well()
            _freeze(directory, vps, run, said)

    return Frozen.load(run.once("repairing", make))


@contextmanager
def _booted(directory: Path, name: str) -> Iterator[Target]:
    shutil.copytree(DELIVERED, _tree(directory))
    with Target.boot(directory / "vps", name) as vps:
        yield vps


def _deployed(
    directory: Path, vps: Target, before_the_first: Callable[[], None] = lambda: None
) -> dict[str, subprocess.CompletedProcess[str]]:
    source = {SOURCE: str(_tree(directory))}
    dry = vps.playbook("deploy", "--check", *_VERY_TALKATIVE, variables=source)
    before_the_first()
    first = vps.playbook("deploy", *_VERY_TALKATIVE, variables=source)
    if first.returncode != 0:
        pytest.fail(f"the deploy failed:\n{first.stdout[-20000:]}", pytrace=False)
    return {"dry": dry, "first": first, "second": vps.playbook("deploy", *_VERY_TALKATIVE, variables=source)}


def _freeze(directory: Path, vps: Target, run: WholeRun, said: dict[str, Said]) -> None:
    kept = {name: (one.returncode, one.stdout) for name, one in said.items()}
    (directory / "said.json").write_text(json.dumps(kept))
    (directory / "snapshot").write_text(str(Snapshot.take(vps.machine, run.held).directory))


def _tree(directory: Path) -> Path:
    return directory / "delivered" / "quantum_trader"


def _inventory(directory: Path) -> Path:
    return directory / "vps" / "inventory" / "sandbox"
