#!/usr/bin/python3
"""Keeps one comment line in an account's crontab; everything else in it stays, byte for byte."""

from __future__ import annotations

import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: audit_log_crontab_note
short_description: Keep one comment line in an account's crontab
description:
  - Who looks for the schedule with C(crontab -l) is told by the line where it is.
  - The rest of the crontab is never touched.
options:
  user:
    description: Whose crontab.
    type: str
    required: true
  note:
    description: The line, without its number sign.
    type: str
    required: true
  prefix:
    description: How this line and earlier forms of it begin.
    type: str
    required: true
author: Quantum Trader
"""

EXAMPLES = r"""
- name: Point to the schedule from the account's own crontab
  audit_log_crontab_note:
    user: qt
    note: "audit_logger.py: the schedule is in /etc/cron.d/quantum-trader"
    prefix: "audit_logger.py: the schedule is in "
"""

RETURN = r""" # """


class CrontabError(Exception):
    """crontab refused; the message is its own."""


def with_note(text: bytes, note: bytes, prefix: bytes) -> bytes:
    """The crontab with the note where it was, or at the end; earlier forms of it are gone."""
    lines = text.split(b"\n")
    ours = [number for number, line in enumerate(lines) if line.startswith(b"# " + prefix)]
    if not ours:
        glue = b"" if not text or text.endswith(b"\n") else b"\n"
        return text + glue + b"# " + note + b"\n"
    kept = [line for number, line in enumerate(lines) if number not in ours[1:]]
    kept[ours[0]] = b"# " + note
    return b"\n".join(kept)


def _crontab(user: str, *arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(
        ["crontab", "-u", user, *arguments], input=text, capture_output=True, env=environment, check=False
    )


def keep_note(user: str, note: bytes, prefix: bytes, dry: bool) -> bool:
    """Whether the crontab is changed, or would be."""
    listed = _crontab(user, "-l")
    if listed.returncode != 0 and b"no crontab for" not in listed.stderr:
        raise CrontabError(listed.stderr.decode(errors="replace").strip())
    text = listed.stdout if listed.returncode == 0 else b""
    wanted = with_note(text, note, prefix)
    if wanted == text:
        return False
    if not dry:
        written = _crontab(user, "-", text=wanted)
        if written.returncode != 0:
            raise CrontabError(written.stderr.decode(errors="replace").strip())
    return True


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={name: {"type": "str", "required": True} for name in ("user", "note", "prefix")},
        supports_check_mode=True,
    )
    user, note, prefix = (module.params[name] for name in ("user", "note", "prefix"))
    try:
        changed = keep_note(user, note.encode(), prefix.encode(), module.check_mode)
    except (CrontabError, OSError) as error:
        if module.check_mode:
            # On a bare host there is no account yet, or no cron: a real run has made both by now.
            module.exit_json(changed=True)
        module.fail_json(msg=f"the crontab of {user} cannot be changed: {error}")
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
