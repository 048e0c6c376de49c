#!/usr/bin/python
"""Takes an installation away: the releases and every link of ours; the operator's files stay."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_installation import (
    CURRENT,
    PARTS,
    PREVIOUS,
)
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_tree import (
    link_at,
    names_in,
    remove,
)

DOCUMENTATION = r"""
module: audit_base_remove
short_description: Take an installation away
description:
  - The releases go, and the links into them. Directories go where nothing else is left in them.
  - config/ and status/, the settings and the evidence, stay unless O(evidence) is true.
options:
  home:
    description: Where the installation is.
    type: path
    required: true
  evidence:
    description: Whether config/ and status/ go, too.
    type: bool
    default: false
author: Quantum Trader (@quantum-trader)
"""

EXAMPLES = r"""
- name: Take the installation away
  quantum_trader.audit.audit_base_remove:
    home: /home/qt/quantum_trader
"""

RETURN = r"""
changes:
  description: What was done, a line each.
  type: list
  returned: success
"""


def doomed(home: int, evidence: bool) -> list[str]:
    """What goes, in the order in which it can go: links before what they lead to."""
    links = [f"{part}/{name}" for part in PARTS for name in names_in(part, home)]
    ours = [path for path in links if (link_at(path, home) or "").startswith("../current/")]
    tops = [CURRENT, PREVIOUS, "releases", *(["config", "status"] if evidence else [])]
    return [*ours, *(name for name in tops if name in names_in("", home))]


def empty_directories(home: int, gone: list[str]) -> list[str]:
    """Directories that are ours and hold nothing any more."""
    return [
        part
        for part in PARTS
        if part in names_in("", home)
        and not [name for name in names_in(part, home) if f"{part}/{name}" not in gone]
    ]


def take_away(path: str, evidence: bool, dry: bool) -> dict[str, Any]:
    """The whole of it; nothing where nothing is."""
    try:
        home = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return {"changes": []}
    gone = doomed(home, evidence)
    gone += empty_directories(home, gone)
    whole = not [name for name in names_in("", home) if name not in gone]
    if not dry:
        for name in gone:
            remove(name, home)
        if whole:
            os.rmdir(path)
    return {"changes": [f"{name}: removed" for name in [*gone, *(["."] if whole else [])]]}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "home": {"type": "path", "required": True},
            "evidence": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = take_away(module.params["home"], module.params["evidence"], module.check_mode)
    except OSError as error:
        module.fail_json(msg=f"{module.params['home']}: {error}")
    changes = result["changes"]
    prepared = "".join(f"{change}\n" for change in changes)
    module.exit_json(changed=bool(changes), diff={"prepared": prepared}, **result)


if __name__ == "__main__":
    main()
