#!/usr/bin/python
"""Keeps a block of lines in an account's crontab: the one of install_audit_cron_user.sh, or another."""

from __future__ import annotations

import os
import pwd
import re
import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: audit_log_crontab
short_description: Keep a block of lines in an account's crontab
description:
  - The rest of the crontab stays as it is. Only the line of the first, hand-made version goes; it ran at
    midnight and summarised the day that had just begun.
options:
  user:
    description: Whose crontab.
    type: str
    required: true
  home:
    description: The installation that the block belongs to.
    type: path
    required: true
  lines:
    description: The lines, without a newline. None removes the block.
    type: list
    elements: str
    required: true
  block:
    description: Whose block it is; an installation has one of each name.
    type: str
    default: audit_logger.py
author: Quantum Trader (@quantum-trader)
"""

EXAMPLES = r"""
- name: Point to the schedule from the account's own crontab
  quantum_trader.audit.audit_log_crontab:
    user: qt
    home: /home/qt/quantum_trader
    lines: ["# audit_logger.py: the schedule is in /etc/cron.d/quantum-trader"]
"""

RETURN = r""" # """

_FIRST_VERSION = re.compile(rb"[ \t]*0[ \t]+0[ \t]+\*[ \t]+\*[ \t]+\*[ \t]")


class CrontabError(Exception):
    """The crontab cannot be read or written; the message says why."""


def with_block(text: bytes, home: bytes, wanted: list[bytes], name: bytes = b"audit_logger.py") -> bytes:
    """The crontab with the block where it was, or at the end; without it if there are no lines.

    Raises CrontabError for a block without its end: nobody knows where it ends.
    """
    begin, end = (b"# " + word + b" quantum-trader " + name + b": " + home for word in (b"BEGIN", b"END"))
    block = [begin, *wanted, end] if wanted else []
    lines = text.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    kept: list[bytes] = []
    placed = inside = False
    for line in lines:
        if line == begin:
            inside = True
            kept += [] if placed else block
            placed = True
        elif not inside and not _is_first_version(line, home):
            kept.append(line)
        elif line == end:
            inside = False
    if inside:
        raise CrontabError(f'"{begin.decode()}" has no end there: remove that block with crontab -e')
    kept += [] if placed else block
    return b"".join(line + b"\n" for line in kept)


def _is_first_version(line: bytes, home: bytes) -> bool:
    tool = b" " + home + b"/tools/audit_logger.py daily_summary"
    return _FIRST_VERSION.match(line) is not None and tool in line and b"--due" not in line


def _crontab(user: str, *arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    whose = [] if os.geteuid() == pwd.getpwnam(user).pw_uid else ["-u", user]
    return subprocess.run(
        ["crontab", *whose, *arguments], input=text, capture_output=True, env=environment, check=False
    )


def keep_block(user: str, home: bytes, lines: list[bytes], name: bytes, dry: bool) -> bool:
    """Whether the crontab is changed, or would be."""
    listed = _crontab(user, "-l")
    if listed.returncode != 0 and b"no crontab for" not in listed.stderr:
        raise CrontabError(listed.stderr.decode(errors="replace").strip())
    text = listed.stdout if listed.returncode == 0 else b""
    wanted = with_block(text, home, lines, name)
    if wanted == text:
        return False
    if not dry:
        written = _crontab(user, "-", text=wanted) if wanted else _crontab(user, "-r")
        if written.returncode != 0:
            raise CrontabError(written.stderr.decode(errors="replace").strip())
    return True


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            "home": {"type": "path", "required": True},
            "lines": {"type": "list", "elements": "str", "required": True},
            "block": {"type": "str", "default": "audit_logger.py"},
        },
        supports_check_mode=True,
    )
    user, home = module.params["user"], module.params["home"]
    lines = [line.encode() for line in module.params["lines"]]
    try:
        changed = keep_block(user, home.encode(), lines, module.params["block"].encode(), module.check_mode)
    except (CrontabError, OSError, KeyError) as error:
        if module.check_mode:
            # On a bare host there is no account yet, or no cron: a real run has made both by now.
            module.exit_json(changed=True)
        module.fail_json(msg=f"the crontab of {user} cannot be changed: {error}")
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
