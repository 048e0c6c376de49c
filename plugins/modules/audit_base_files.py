#!/usr/bin/python
"""Lays a few small files down in one round trip: all of them validated first, or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_tree import (
    Owner,
    RefusedError,
    content_of,
    status_of,
    write_file,
)

DOCUMENTATION = r"""
module: audit_base_files
short_description: Lay a few small files down in one round trip
description:
  - Each file gets its content, owner, group and mode, in one step; a link at its place is replaced.
  - Whatever is to change is validated before anything lands. One that is refused stops it all, and
    nothing is changed. A dry run validates nothing, for what would do it may still be to come.
options:
  files:
    description:
      - A list, as JSON. So all of it is kept out of the host's journal, for one file may hold secrets.
      - "C(path): where it is; its directory must be there. C(content): the text."
      - "C(state): C(present) unless it is C(absent)."
      - "C(owner), C(group) and C(mode), in octal; root, root and 0644 unless they are given."
      - "C(secret): whether C(--diff) must not show the text."
      - "C(validate): a command that must end with 0, with C(%s) for the path of the file as it would be."
    type: str
    required: true
  header:
    description:
      - How each of these files begins. One that is there and begins otherwise was not put there by us.
        Empty - all are ours.
    type: str
    default: ""
  unmanaged_files:
    description:
      - What to do about a file that is not ours. C(refuse) - nothing is changed. C(replace) - it is kept
        beside ours under its name and the O(backup). C(keep) - it stays, and ours is not laid there.
    type: str
    choices: [refuse, replace, keep]
    default: refuse
  backup:
    description: What is put behind the name of a file that is replaced.
    type: str
    default: .bak
author: Quantum Trader (@quantum-trader)
"""

EXAMPLES = r"""
- name: Hand the summaries to cron
  quantum_trader.audit.audit_base_files:
    files: '[{"path": "/etc/cron.d/mine", "content": "7 4 * * * root /bin/true"}]'
"""

RETURN = r"""
written:
  description: The paths of the files that were written, mended or removed, or would be.
  type: list
  returned: success
changes:
  description: What was wrong with each, for people.
  type: list
  returned: success
"""


@dataclass(frozen=True)
class File:
    """One that is to be there, or is not to be."""

    path: str
    content: str
    state: str = "present"
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    secret: bool = False
    validate: str | None = None

    @property
    def data(self) -> bytes:
        return self.content.encode()


@dataclass(frozen=True)
class Found:
    """What is at a file's place: its text, and whose it is, as `--diff` shows it."""

    data: bytes
    access: str


@dataclass(frozen=True)
class Change:
    """What is done about one file, or would be."""

    file: File
    before: Found | None
    after: Found | None

    @property
    def writes(self) -> bool:
        """Whether its content is written anew, not only its owner or mode."""
        return self.after is not None and (self.before is None or self.before.data != self.after.data)

    def reason(self) -> str:
        """What is wrong with it, for people."""
        if self.before is None:
            what = "missing"
        elif self.after is None:
            what = "not to be there"
        else:
            what = "differs" if self.writes else "has another owner, group or mode"
        return f"{self.file.path}: {what}"

    def diff(self) -> dict[str, str]:
        """For Ansible: both texts; where those are the same, whose it was and is to be."""
        if self.file.secret and self.writes:
            return {"prepared": f"{self.file.path}: its content differs, which holds secrets\n"}
        before, after = (_shown(found, self.writes) for found in (self.before, self.after))
        return {
            "before": before,
            "after": after,
            "before_header": self.file.path,
            "after_header": self.file.path,
        }


def _shown(found: Found | None, text: bool) -> str:
    if found is None:
        return ""
    return found.data.decode(errors="replace") if text else found.access + "\n"


@contextlib.contextmanager
def _place(path: str) -> Iterator[tuple[str, int]]:
    """(name, descriptor of its directory). What is named here belongs to root, or is the account's own."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield os.path.basename(path), descriptor
    finally:
        os.close(descriptor)


def _found(path: str) -> Found | None:
    try:
        with _place(path) as (name, directory):
            status = status_of(name, directory)
            if status is None:
                return None
            if stat.S_ISDIR(status.st_mode):
                raise RefusedError(f"{path} is a directory: move it away")
            if not stat.S_ISREG(status.st_mode):
                return Found(b"", "not a regular file")
            access = _access(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
            return Found(content_of(name, directory), access)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}") from error


def _access(uid: int, gid: int, mode: int) -> str:
    return f"owner {uid}, group {gid}, mode {mode:04o}"


def _wanted(file: File, dry: bool) -> Found | None:
    if file.state == "absent":
        return None
    try:
        owner = Owner.named(file.owner, file.group)
    except RefusedError:
        if not dry:
            raise
        return Found(file.data, f"owner {file.owner}, group {file.group}, mode {file.mode}")
    return Found(file.data, _access(owner.uid, owner.gid, int(file.mode, 8)))


def changes(files: list[File], dry: bool) -> list[Change]:
    """What is to be done. Raises RefusedError where something is in the way."""
    looked = [Change(file, _found(file.path), _wanted(file, dry)) for file in files]
    return [change for change in looked if change.before != change.after]


def not_ours(changes: list[Change], header: str) -> list[Change]:
    """Those at whose place something is that does not begin as our files do."""
    return [
        change for change in changes if change.before and not change.before.data.startswith(header.encode())
    ]


def put_aside(change: Change, backup: str) -> None:
    """Keep what is there under another name beside it. Raises RefusedError where that name is taken."""
    try:
        with _place(change.file.path) as (name, directory):
            if status_of(name + backup, directory) is not None:
                raise RefusedError(f"{change.file.path}{backup} is in the way: move it away")
            with Owner.named(change.file.owner, change.file.group).acting():
                os.rename(name, name + backup, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError as error:
        raise RefusedError(f"{change.file.path} cannot be put aside: {error.strerror}") from error


def lay_down(change: Change) -> None:
    """Do it, durable once this returns. What belongs to an account is written with its rights.

    Raises RefusedError.
    """
    file = change.file
    try:
        with _place(file.path) as (name, directory):
            if file.state == "absent":
                with contextlib.suppress(FileNotFoundError):  # it was put aside
                    os.unlink(name, dir_fd=directory)
            else:
                owner = Owner.named(file.owner, file.group)
                write_file(name, directory, file.data, int(file.mode, 8), owner)
            os.fsync(directory)
    except OSError as error:
        raise RefusedError(f"{file.path} cannot be written: {error.strerror}") from error


def validate(file: File, run: Callable[[str], tuple[int, str, str]]) -> None:
    """Raises RefusedError with what the command said, unless it agrees. `run` gives (status, out, err)."""
    if file.validate is None:
        return
    with tempfile.NamedTemporaryFile(prefix="quantum-trader-", suffix="~") as trial:
        trial.write(file.data)
        trial.flush()
        status, out, err = run(file.validate.replace("%s", trial.name))
        if status != 0:
            said = (out + err).replace(trial.name, file.path).strip()
            raise RefusedError(f"nothing was changed, for {file.path} would not do: {said}")


def settled(changes: list[Change], header: str, policy: str) -> tuple[list[Change], list[Change]]:
    """What is done, and which of it takes the place of a file that is not ours. Raises RefusedError."""
    foreign = not_ours(changes, header)
    if foreign and policy == "refuse":
        paths = ", ".join(change.file.path for change in foreign)
        raise RefusedError(
            f"not put there by this role: {paths}. Look at them, then set audit_base_unmanaged_files to"
            " replace or keep. Nothing was changed"
        )
    if policy == "keep":
        return [change for change in changes if change not in foreign], []
    return changes, foreign


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "str", "required": True, "no_log": True},
            "header": {"type": "str", "default": ""},
            "unmanaged_files": {
                "type": "str",
                "choices": ["refuse", "replace", "keep"],
                "default": "refuse",
            },
            "backup": {"type": "str", "default": ".bak"},
        },
        supports_check_mode=True,
    )
    given, dry = module.params, module.check_mode
    try:
        wanted = changes([File(**one) for one in json.loads(given["files"])], dry)
        found, foreign = settled(wanted, given["header"], given["unmanaged_files"])
        if not dry:
            for change in found:
                if change.writes:
                    validate(change.file, module.run_command)
            for change in found:
                if change in foreign:
                    put_aside(change, given["backup"])
                lay_down(change)
    except RefusedError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(found),
        written=[change.file.path for change in found],
        changes=[change.reason() for change in found],
        diff=[change.diff() for change in found],
    )


if __name__ == "__main__":
    main()
