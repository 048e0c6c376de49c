#!/usr/bin/python
"""Goes back to a release that is still on the host, in one step."""

from __future__ import annotations

import fcntl
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_installation import (
    CURRENT,
    PREVIOUS,
    Installation,
)
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_tree import (
    Owner,
    RefusedError,
    names_in,
)

DOCUMENTATION = r"""
module: audit_base_rollback
short_description: Go back to a release that is still on the host, in one step
description:
  - The release is checked first; its files must make up its name. Needs nothing of the release in use.
options:
  home:
    description: Where the installation is.
    type: path
    required: true
  user:
    description: Who owns it.
    type: str
    required: true
  group:
    description: The group that it belongs to.
    type: str
    required: true
  to:
    description: The release to go to. Empty is the one that was current before.
    type: str
    default: ""
author: Quantum Trader (@quantum-trader)
"""

EXAMPLES = r"""
- name: Go back to the release before
  quantum_trader.audit.audit_base_rollback:
    home: /home/qt/quantum_trader
    user: qt
    group: qt
"""

RETURN = r"""
release:
  description: The release that is current now.
  type: str
  returned: success
previous:
  description: The release that was current before.
  type: str
  returned: success
changes:
  description: What was done, a line each.
  type: list
  returned: success
"""


def roll_back(module: AnsibleModule) -> dict[str, Any]:
    """The whole of it. Raises RefusedError before anything is changed."""
    given = module.params
    try:
        home = os.open(given["home"], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError(f"{given['home']}: nothing is installed there ({error.strerror})") from error
    place = Installation(given["home"], home, Owner.named(given["user"], given["group"]), module.check_mode)
    fcntl.flock(place.home, fcntl.LOCK_EX)
    wanted = given["to"] or place.named_by(PREVIOUS)
    there = [name for name in names_in("releases", place.home) if not name.startswith(".")]
    if not wanted:
        raise RefusedError(f"{place.path} has no release before {place.named_by(CURRENT)} to go back to")
    if wanted not in there:
        known = ", ".join(there) or "none"
        raise RefusedError(f"{place.path} has no release {wanted} any more; there are: {known}")
    release = place.release_there(wanted)
    previous = place.switch(release)
    place.link(release)
    return {"changes": place.changes, "release": release.name, "previous": previous}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "home": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "to": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        result = roll_back(module)
    except (RefusedError, OSError) as error:
        module.fail_json(msg=str(error))
    changes = result["changes"]
    prepared = "".join(f"{change}\n" for change in changes)
    module.exit_json(changed=bool(changes), diff={"prepared": prepared}, **result)


if __name__ == "__main__":
    main()
