"""The controller's half of `audit_base_release`: reads the tree, names the release by its content,
and sends the files only to a host that lacks them."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

PARTS = ("tools", "scripts", "docs")


class ReleaseError(Exception):
    """The tree cannot be made into a release; the message says what to change."""


@dataclass(frozen=True)
class File:
    """A file of a release: where it goes, whether it can be run, what is in it."""

    path: str
    executable: bool
    content: bytes

    @property
    def mode(self) -> int:
        """The mode on the host: the same whatever umask the controller's checkout was made with."""
        return 0o750 if self.executable else 0o640

    @property
    def line(self) -> str:
        """This file's line of the list that a release is named by and checked against."""
        return f"{self.mode:04o} {hashlib.sha256(self.content).hexdigest()} {self.path}\n"


def read_tree(source: Path, left_out: Collection[str] = ()) -> list[File]:
    """Every file to deliver below tools/, scripts/ and docs/, in the order of their paths.

    Compiled and hidden files stay behind, and the paths that are left out. Raises ReleaseError
    where there are no tools, and for anything but files and directories.
    """
    found = [path for part in PARTS for path in (source / part).rglob("*")]
    delivered = [path for path in found if _is_delivered(path.relative_to(source), left_out)]
    files = [_read(path, source) for path in delivered if path.is_symlink() or not path.is_dir()]
    if not any(file.path.startswith("tools/") for file in files):
        raise ReleaseError(f"{source / 'tools'} is missing or empty: check out the whole repository")
    return sorted(files, key=lambda file: file.path)


def _is_delivered(path: Path, left_out: Collection[str]) -> bool:
    if path.suffix == ".pyc" or path.as_posix() in left_out:
        return False
    return not any(name.startswith(".") or name == "__pycache__" for name in path.parts)


def _read(path: Path, source: Path) -> File:
    if path.is_symlink() or not path.is_file():
        raise ReleaseError(f"{path} is neither a file nor a directory: a release holds nothing else")
    name = path.relative_to(source).as_posix()
    if not name.isascii() or not name.isprintable() or "\\" in name:
        raise ReleaseError(f"{path}: use printable ASCII without backslashes in a file's name")
    try:
        return File(name, bool(path.stat().st_mode & 0o100), path.read_bytes())
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read ({error.strerror}): mend its mode") from error


def listing(files: list[File]) -> str:
    """A line a file: mode, SHA-256, path. The same tree always gives the same text."""
    return "".join(file.line for file in files)


def name(files: list[File]) -> str:
    """The release's name on a host, as module_utils/audit_base_manifest.py makes it of the listing."""
    return hashlib.sha256(listing(files).encode("ascii")).hexdigest()[:12]


def pack(files: list[File]) -> str:
    """The files as a compressed tar in base64."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for file in files:
            member = tarfile.TarInfo(file.path)
            member.size = len(file.content)
            archive.addfile(member, io.BytesIO(file.content))
    return base64.b64encode(buffer.getvalue()).decode("ascii")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module, with the files where the host is known to lack them; again where it asks for them."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            files = read_tree(Path(arguments.pop("source")), arguments.pop("left_out", []))
        except ReleaseError as error:
            return {**result, "failed": True, "msg": str(error)}
        arguments["files"] = listing(files)
        known = arguments.pop("releases", None)
        if known is not None and name(files) not in known and not self._task.check_mode:
            arguments["archive"] = pack(files)
        answer = self._ask(arguments, task_vars)
        if answer.pop("wants_archive", False):
            answer = self._ask({**arguments, "archive": pack(files)}, task_vars)
        return {**result, **answer}

    def _ask(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="quantum_trader.audit.audit_base_release", module_args=arguments, task_vars=task_vars
        )
        return answer
