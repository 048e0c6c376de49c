"""An installation on a host: its directories, its releases, and which of them is current."""

from __future__ import annotations

import hashlib
import os
import py_compile
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_manifest import (
    MANIFEST,
    Release,
)
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_tree import (
    Owner,
    RefusedError,
    content_of,
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

CURRENT, PREVIOUS = "current", "previous"
"""Links to the release in use, and to the one to go back to."""
_UNRECORDED = ".unrecorded"

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

    def refuse_unmanaged(self, release: Release, but: Collection[str] = ()) -> None:
        """Raises RefusedError for anything at one of our links' places that is not a link of ours.

        `but`: what is to be put aside, or to stay.
        """
        places = {CURRENT: "releases/", PREVIOUS: "releases/", **dict.fromkeys(release.links, "../current/")}
        for path, ours in places.items():
            there = status_of(path, self.home) and path not in but
            if there and not (link_at(path, self.home) or "").startswith(ours):
                raise RefusedError(
                    f"{self.path}/{path} was not put there by this role: move it away, then deploy again"
                )

    def put_aside(self, paths: Collection[str], backup: str) -> None:
        """Rename what is in the way. Raises RefusedError where something is kept under that name already."""
        for path in paths:
            if status_of(path, self.home) is None:
                continue
            if status_of(path + backup, self.home) is not None:
                raise RefusedError(
                    f"{self.path}/{path}{backup} is in the way: move it away, then deploy again"
                )
            self.changes.append(f"{path}: kept as {os.path.basename(path)}{backup}")
            if not self.dry:
                directory, name = os.path.split(path)
                with opened(directory, self.home) as parent:
                    os.rename(name, name + backup, src_dir_fd=parent, dst_dir_fd=parent)

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

    def named_by(self, link: str) -> str:
        """The release that a link names; empty where there is no such link."""
        return (link_at(link, self.home) or "").removeprefix("releases/")

    def switch(self, release: Release) -> str:
        """Make the release the current one, in one rename. Returns the one that was, to be gone back to."""
        before = self.named_by(CURRENT)
        if before == release.name:
            return before
        self.changes.append(f"current: {before or 'nothing'} -> {release.name}")
        if not self.dry:
            if before:
                write_link(PREVIOUS, self.home, f"releases/{before}", self.owner)
            with opened(f"releases/{release.name}", self.home) as descriptor, self.owner.acting():
                os.utime(descriptor)  # when it was last switched to, by which `prune` tells the older ones
            write_link(CURRENT, self.home, f"releases/{release.name}", self.owner)
        return before

    def unrecorded(self) -> str | None:
        """The release before a deploy that was cut off and has no entry in the trail yet; None: none is."""
        path = f"releases/{_UNRECORDED}"
        if status_of(path, self.home) is None:
            return None
        previous: str = content_of(path, self.home).decode("ascii", "replace").strip()
        return previous

    def note_unrecorded(self, previous: str) -> None:
        """Remember that the trail must say of this deploy; who writes the entry removes the note."""
        write_file(f"releases/{_UNRECORDED}", self.home, previous.encode("ascii"), 0o600, self.owner)

    def prune(self, keep: int) -> None:
        """Remove what is beyond the `keep` releases last in use; never the current nor the previous one."""
        ages = {}
        for name in names_in("releases", self.home):
            status = status_of(f"releases/{name}", self.home)
            if status is not None and stat.S_ISDIR(status.st_mode) and not name.startswith("."):
                ages[name] = status.st_mtime_ns
        held = {self.named_by(CURRENT), self.named_by(PREVIOUS)}
        others = sorted(set(ages) - held, key=lambda name: -ages[name])
        for name in others[max(0, keep - len(held & set(ages))) :]:
            self.changes.append(f"releases/{name}: is older than the {keep} that are kept")
            if not self.dry:
                remove(f"releases/{name}", self.home)

    def release_there(self, name: str) -> Release:
        """A release as it lies on the host. Raises RefusedError unless its files make up its name."""
        base = f"releases/{name}"
        try:
            lines = content_of(f"{base}/{MANIFEST}", self.home).decode("ascii").splitlines()
            listing = "".join(self._listed(base, *line.split("  ", 1)) for line in lines)
        except (OSError, ValueError, TypeError) as error:
            raise RefusedError(f"{self.path}/{base} is no whole release ({error})") from error
        if hashlib.sha256(listing.encode("ascii")).hexdigest()[:12] != name:
            raise RefusedError(f"{self.path}/{base} was altered: its files do not make up its name")
        release = Release(listing)
        faults = self.faults(base, release)
        if faults:
            path, fault = next(iter(faults.items()))
            raise RefusedError(f"{self.path}/{base}/{path} {fault}: this release cannot be gone back to")
        return release

    def _listed(self, base: str, digest: str, path: str) -> str:
        """A file's line of the listing, with the mode that it has."""
        status = status_of(f"{base}/{path}", self.home)
        if status is None:
            raise ValueError(f"{path} is missing")
        return f"{stat.S_IMODE(status.st_mode):04o} {digest} {path}\n"

    def link(self, release: Release, but: Collection[str] = ()) -> None:
        """A link an entry; those of entries that are gone are removed, everything else is left alone."""
        for path, target in release.links.items():
            if path in but:
                continue
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
