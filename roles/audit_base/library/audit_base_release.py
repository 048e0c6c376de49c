#!/usr/bin/python3
"""Installs a release of the audit tools and switches to it in one step."""

from __future__ import annotations

import fcntl
import os
import py_compile
import stat
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.audit_base_manifest import Release
from ansible.module_utils.audit_base_tree import (
    Owner,
    RefusedError,
    digest_of,
    link_at,
    make_directory,
    names_in,
    opened,
    remove,
    status_of,
    write_file,
    write_link,
)
from ansible.module_utils.basic import AnsibleModule

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
  left_out:
    description: Paths in the tree that are not delivered; on a host their places are the operator's.
    type: list
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
  files:
    description: The release, a line a file with mode, SHA-256 and path. Set by the action plugin.
    type: str
  archive:
    description: The files, as a compressed tar in base64. Set by the action plugin where it is needed.
    type: str
author: Quantum Trader
"""

EXAMPLES = r"""
- name: Install the tree and switch to it
  audit_base_release:
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

PARTS = ("tools", "scripts", "docs")
_DIRECTORY_MODE = 0o750


@dataclass
class Installation:
    """An installation below a home directory. Each step notes what it changes, or would."""

    path: str
    home: int
    owner: Owner
    dry: bool
    changes: list[str] = field(default_factory=list)

    def refuse_strangers(self, release: Release) -> None:
        """Raises RefusedError for anything at one of our links' places that is not a link of ours."""
        places = {"current": "releases/", **dict.fromkeys(release.links, "../current/")}
        for path, ours in places.items():
            if status_of(path, self.home) and not (link_at(path, self.home) or "").startswith(ours):
                raise RefusedError(
                    f"{self.path}/{path} was not put there by this role: move it away, then deploy again"
                )

    def make_directories(self, directories: dict[str, str]) -> None:
        """The installation's own directories, with owner and mode."""
        for name, mode in directories.items():
            path = "" if name == "." else name
            reason = self._directory_fault(path, int(mode, 8))
            if reason == "is not a directory":
                raise RefusedError(f"{self.path}/{path} {reason}: move it away, then deploy again")
            if reason:
                self.changes.append(f"{path or '.'}: {reason}")
            if reason and not self.dry:
                make_directory(path, self.home, int(mode, 8), self.owner)

    def _directory_fault(self, path: str, mode: int) -> str:
        return self._fault(
            os.fstat(self.home) if not path else status_of(path, self.home), stat.S_ISDIR, mode
        )

    def _fault(self, status: os.stat_result | None, is_right: Any, mode: int) -> str:
        if status is None:
            return "missing"
        if not is_right(status.st_mode):
            return "is not a directory" if is_right is stat.S_ISDIR else "is not a file"
        if not self.owner.has(status):
            return "has another owner"
        return "has another mode" if stat.S_IMODE(status.st_mode) != mode else ""

    def faults(self, base: str, release: Release) -> dict[str, str]:
        """What is not as the release has it, by path, and why; directories before what is in them."""
        found = {}
        for path in release.directories:
            found[path] = self._directory_fault(f"{base}/{path}".rstrip("/"), _DIRECTORY_MODE)
        for path, wanted in release.files.items():
            place = f"{base}/{path}"
            found[path] = self._fault(status_of(place, self.home), stat.S_ISREG, wanted.mode)
            if not found[path] and digest_of(place, self.home) != wanted.sha256:
                found[path] = "was edited"
        for path in release.directories:
            for name in names_in(f"{base}/{path}".rstrip("/"), self.home):
                inner = f"{path}/{name}".lstrip("/")
                if inner not in release.files and inner not in release.directories and name != "__pycache__":
                    found[inner] = "does not belong here"
        return {path: fault for path, fault in found.items() if fault}

    def clear_away(self) -> None:
        """What a run that was cut off has left half unpacked."""
        for name in names_in("releases", self.home):
            if name.endswith(".partial"):
                self.changes.append(f"releases/{name}: was left half unpacked")
                if not self.dry:
                    remove(f"releases/{name}", self.home)

    def unpack(self, release: Release, archive: str | None) -> None:
        """A release that is not there yet: complete under another name, then renamed."""
        self.changes.append(f"releases/{release.name}: missing")
        if archive is None:
            return
        partial = f"releases/.{release.name}.partial"
        self._fill(partial, release, self.faults(partial, release), archive)
        with opened("releases", self.home) as releases, self.owner.acting():
            os.rename(os.path.basename(partial), release.name, src_dir_fd=releases, dst_dir_fd=releases)
            os.fsync(releases)

    def mend(self, release: Release, faults: dict[str, str], archive: str | None) -> None:
        """A release that is there: what is wrong in it is put right, each file in one step."""
        base = f"releases/{release.name}"
        self.changes += [f"{base}/{path}: {fault}" for path, fault in faults.items()]
        if archive is not None:
            self._fill(base, release, faults, archive)

    def _fill(self, base: str, release: Release, faults: dict[str, str], archive: str) -> None:
        contents = release.contents(archive)
        for path, fault in faults.items():
            place = f"{base}/{path}".rstrip("/")
            if fault.startswith(("is not", "does not")):
                remove(place, self.home)
            if path in release.directories:
                make_directory(place, self.home, _DIRECTORY_MODE, self.owner)
            elif path in contents:
                write_file(place, self.home, contents[path], release.files[path].mode, self.owner)
                self._compile(place, f"{self.path}/releases/{release.name}/{path}")
        for path in release.directories:
            with opened(f"{base}/{path}".rstrip("/"), self.home) as descriptor:
                os.fsync(descriptor)

    def _compile(self, place: str, shown: str) -> None:
        """Bytecode, as the owner: a later run as root then writes none of its own."""
        if place.endswith(".py"):
            with self.owner.acting():
                py_compile.compile(f"{self.path}/{place}", dfile=shown, quiet=2)

    def switch(self, release: Release) -> str:
        """Make the release the current one, in one rename. Returns the one that was."""
        previous = (link_at("current", self.home) or "").removeprefix("releases/")
        if previous != release.name:
            self.changes.append(f"current: {previous or 'nothing'} -> {release.name}")
            if not self.dry:
                write_link("current", self.home, f"releases/{release.name}", self.owner)
        return previous

    def link(self, release: Release) -> None:
        """A link an entry; those of entries that are gone are removed, everything else is left alone."""
        for path, target in release.links.items():
            if link_at(path, self.home) != target:
                self.changes.append(f"{path}: missing")
                if not self.dry:
                    write_link(path, self.home, target, self.owner)
        for part in PARTS:
            for name in names_in(part, self.home):
                path = f"{part}/{name}"
                if path not in release.links and link_at(path, self.home) == f"../current/{path}":
                    self.changes.append(f"{path}: is not in this release")
                    if not self.dry:
                        remove(path, self.home)


def open_home(path: str, owner: Owner) -> int:
    """A descriptor of the home directory, made if missing; the directories above it belong to root."""
    if not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        os.mkdir(path, 0o700)
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError(f"{path} must be a directory, not a link or a file: move it away") from error


def owner_of(user: str, group: str, dry: bool) -> Owner:
    """The owner; nobody yet in a dry run on a host where a real run would have made the account."""
    try:
        return Owner.named(user, group)
    except RefusedError:
        if dry:
            return Owner(-1, -1)
        raise


def install(module: AnsibleModule) -> dict[str, Any]:
    """The whole of it. Raises RefusedError before anything is changed."""
    given, dry = module.params, module.check_mode
    release, archive = Release(given["files"]), given["archive"]
    if dry and not os.path.isdir(given["home"]):
        changes = [f"{given['home']}: missing", f"current: nothing -> {release.name}"]
        return {"changes": changes, "release": release.name, "previous": ""}
    owner = owner_of(given["user"], given["group"], dry)
    place = Installation(given["home"], open_home(given["home"], owner), owner, dry)
    place.refuse_strangers(release)
    base = f"releases/{release.name}"
    is_there = status_of(base, place.home) is not None
    faults = place.faults(base, release) if is_there else {}
    if archive is None and not dry and (faults or not is_there):
        return {"wants_archive": True}
    # Two deploys at once take turns.
    fcntl.flock(place.home, fcntl.LOCK_EX)
    place.make_directories(given["directories"])
    place.clear_away()
    if not is_there:
        place.unpack(release, archive)
    elif faults:
        place.mend(release, faults, archive)
    previous = place.switch(release)
    place.link(release)
    return {"changes": place.changes, "release": release.name, "previous": previous}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path"},
            "home": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "directories": {"type": "dict", "required": True},
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
