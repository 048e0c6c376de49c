#!/usr/bin/python
"""Keeps a block of public keys in an account's authorized_keys; everything else in it stays."""

from __future__ import annotations

import os
import pwd
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_tree import (
    Owner,
    RefusedError,
    content_of,
    make_directory,
    status_of,
    write_file,
)

DOCUMENTATION = r"""
module: audit_base_keys
short_description: Keep a block of public keys in an account's authorized_keys
description:
  - Keys outside the block are never touched. An empty list removes the block.
  - The file is written with the account's own rights, and never through a link.
options:
  user:
    description: The account that the keys may log in as.
    type: str
    required: true
  keys:
    description: Public keys, a line each.
    type: list
    elements: str
    required: true
author: Quantum Trader (@quantum-trader)
"""

EXAMPLES = r"""
- name: Authorize the keys
  quantum_trader.audit.audit_base_keys:
    user: qt
    keys: ["ssh-ed25519 AAAA… admin@example.com"]
"""

RETURN = r""" # """

BEGIN = b"# BEGIN quantum-trader: managed by Ansible"
END = b"# END quantum-trader"
_FILE = ".ssh/authorized_keys"


def with_block(text: bytes, keys: list[bytes]) -> bytes:
    """The text with the block in its place, or at the end; without it if there are no keys."""
    block = [BEGIN, *keys, END] if keys else []
    lines = text.splitlines()
    if BEGIN in lines and END in lines[lines.index(BEGIN) :]:
        first = lines.index(BEGIN)
        lines[first : lines.index(END, first) + 1] = block
    elif block:
        lines += block
    else:
        return text
    return b"".join(line + b"\n" for line in lines)


def authorize(user: str, keys: list[bytes], dry: bool) -> bool:
    """Whether the file is changed, or would be."""
    owner = Owner.named(user)
    home = os.open(pwd.getpwnam(user).pw_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    status = status_of(_FILE, home)
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise RefusedError(f"{_FILE} of {user} is not a regular file: replace it by one")
    text = content_of(_FILE, home) if status is not None else b""
    wanted = with_block(text, keys)
    if wanted == text:
        return False
    if not dry:
        if status_of(".ssh", home) is None:
            make_directory(".ssh", home, 0o700, owner)
        write_file(_FILE, home, wanted, stat.S_IMODE(status.st_mode) if status else 0o600, owner)
    return True


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            "keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    user, keys = module.params["user"], [key.strip().encode() for key in module.params["keys"]]
    try:
        pwd.getpwnam(user)
    except KeyError:
        if module.check_mode:
            # A real run has made the account by now.
            module.exit_json(changed=bool(keys))
        module.fail_json(msg=f"there is no account {user}")
    try:
        module.exit_json(changed=authorize(user, keys, module.check_mode))
    except (RefusedError, OSError) as error:
        module.fail_json(msg=f"authorized_keys of {user}: {error}")


if __name__ == "__main__":
    main()
