#!/usr/bin/python
"""Installs a release of the audit tools and switches to it in one step."""

from __future__ import annotations

import fcntl
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_installation import (
    CURRENT,
    Installation,
    open_home,
    owner_of,
)
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_manifest import Release
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_tree import (
    RefusedError,
    status_of,
)

DOCUMENTATION = r"""
module: audit_base_release
short_description: Install a release of the audit tools and switch to it in one step
description:
  - Makes the directories of an installation, unpacks the release beside the ones that are
    there, switches C(current) to it by one rename and links its entries into place.
  - A release is named by its content. One that is there is compared with the controller's
    files; what was edited, deleted, added or given another mode or owner is put right.
  - Everything is written as the owner, so that no link which that account plants can lead
    a run as root elsewhere.
options:
  source:
    description: The tree on the controller; its tools/, scripts/ and docs/ are delivered.
    type: path
  releases:
    description:
      - The names of the releases on the host, where they are known. One that is not among them is sent
        at once; otherwise the host is asked first.
    type: list
    elements: str
  left_out:
    description: Paths in the tree that are not delivered; on a host their places are the operator's.
    type: list
    elements: str
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
  directories:
    description: Its directories, relative to home, each with its mode; parents first.
    type: dict
    required: true
  keep:
    description: How many releases stay on the host, at least 2; the current and the previous one always do.
    type: int
    required: true
  replaced:
    description: What is in the way, relative to home, and is renamed.
    type: list
    elements: str
    default: []
  kept:
    description: What is at our places, relative to home, and stays there instead of ours.
    type: list
    elements: str
    default: []
  backup:
    description: The ending that what is renamed gets.
    type: str
    default: .bak
  files:
    description: The release, a line a file with mode, SHA-256 and path. Set by the action plugin.
    type: str
  archive:
    description: The files, as a compressed tar in base64. Set by the action plugin where it is needed.
    type: str
author: Quantum Trader (@quantum-trader)
"""

EXAMPLES = r"""
- name: Install the tree and switch to it
  quantum_trader.audit.audit_base_release:
    source: /srv/checkout/files/quantum_trader
    home: /home/qt/quantum_trader
    user: qt
    group: qt
    directories: {".": "0750", status: "0750"}
"""

RETURN = r"""
release:
  description: The release that is current now.
  type: str
  returned: success
previous:
  description: The release that was current before; empty on the first run.
  type: str
  returned: success
changes:
  description: What was done, a line each.
  type: list
  returned: success
"""


def install(module: AnsibleModule) -> dict[str, Any]:
    """The whole of it. Raises RefusedError before anything is changed."""
    given, dry = module.params, module.check_mode
    release, archive = Release(given["files"]), given["archive"]
    if dry and not os.path.isdir(given["home"]):
        changes = [f"{given['home']}: missing", f"current: nothing -> {release.name}"]
        return {"changes": changes, "release": release.name, "previous": ""}
    owner = owner_of(given["user"], given["group"], dry)
    place = Installation(given["home"], open_home(given["home"], owner), owner, dry)
    place.refuse_unmanaged(release, but=[*given["replaced"], *given["kept"]])
    base = f"releases/{release.name}"
    is_there = status_of(base, place.home) is not None
    faults = place.faults(base, release) if is_there else {}
    if archive is None and not dry and (faults or not is_there):
        return {"wants_archive": True}
    # Two deploys at once take turns.
    fcntl.flock(place.home, fcntl.LOCK_EX)
    place.put_aside(given["replaced"], given["backup"])
    place.make_directories(given["directories"])
    cut_off = place.unrecorded()
    if cut_off is not None:
        place.changes.append("releases: the deploy before this one was cut off, and is recorded with it")
    place.clear_away()
    before = place.named_by(CURRENT)
    if not dry and (faults or before != release.name):
        place.note_unrecorded(before if cut_off is None else cut_off)
    if not is_there:
        place.unpack(release, archive)
    elif faults:
        place.mend(release, faults, archive)
    previous = place.switch(release)
    place.link(release, but=given["kept"])
    place.prune(given["keep"])
    return {
        "changes": place.changes,
        "release": release.name,
        "previous": previous if cut_off is None else cut_off,
    }


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path"},
            "home": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "directories": {"type": "dict", "required": True},
            "keep": {"type": "int", "required": True},
            "replaced": {"type": "list", "elements": "str", "default": []},
            "kept": {"type": "list", "elements": "str", "default": []},
            "backup": {"type": "str", "default": ".bak"},
            "files": {"type": "str"},
            "archive": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    os.umask(0o027)
    try:
        result = install(module)
    except (RefusedError, OSError) as error:
        module.fail_json(
            msg=f"{module.params['home']}: {error}" if isinstance(error, OSError) else str(error)
        )
    changes = result.get("changes", [])
    prepared = "".join(f"{change}\n" for change in changes)
    module.exit_json(changed=bool(changes), diff={"prepared": prepared}, **result)


if __name__ == "__main__":
    main()
