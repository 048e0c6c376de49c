"""What the collection says of itself is said in several files: the same in each."""

from __future__ import annotations

import re
from typing import Any

import yaml

from sandbox.role_tables import ROLES
from tests.support.checkout import ROOT


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return loaded


def test_the_collection_has_the_projects_version() -> None:
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found
    assert _read("galaxy.yml")["version"] == found[1]


def test_each_role_asks_for_the_ansible_that_the_collection_asks_for() -> None:
    lowest = _read("meta/runtime.yml")["requires_ansible"]
    asked = {path.name: _read(f"roles/{path.name}/meta/main.yml")["galaxy_info"] for path in ROLES.iterdir()}
    assert {f">={info['min_ansible_version']}.0" for info in asked.values()} == {lowest}


def test_the_checkout_is_found_as_the_collection() -> None:
    link = ROOT / "playbooks/collections/ansible_collections/quantum_trader/audit"
    assert link.is_symlink()
    assert link.resolve() == ROOT
