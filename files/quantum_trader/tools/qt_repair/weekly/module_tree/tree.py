"""The state of a directory tree: the SHA-256 of each file in it, and how two states differ."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

_CACHE = "__pycache__"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Difference:
    """How a tree differs from its accepted state: paths below it, sorted."""

    altered: tuple[str, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]

    def lines(self, above: str) -> list[str]:
        """A line for each, such as `altered: current/tools/audit_logger.py`."""
        kinds = {"altered": self.altered, "missing": self.missing, "new": self.new}
        return [f"{kind}: {above}/{path}" for kind, paths in kinds.items() for path in paths]


def compare(accepted: Mapping[str, str], present: Mapping[str, str], exclude: Sequence[str]) -> Difference:
    """What changed. A path that is excluded now does not count, even if it was accepted. Pure."""
    before = {path: digest for path, digest in accepted.items() if not matches(path, exclude)}
    return Difference(
        tuple(sorted(path for path in before if path in present and present[path] != before[path])),
        tuple(sorted(path for path in before if path not in present)),
        tuple(sorted(path for path in present if path not in before)),
    )


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path below a tree, or a directory above it, matches a pattern with * and ?. Pure.

    A pattern without a slash matches a name in any directory.
    """
    parts = path.split("/")
    above = ["/".join(parts[: index + 1]) for index in range(len(parts))]
    for pattern in (pattern.rstrip("/") for pattern in patterns):
        names = above if "/" in pattern else parts
        if any(fnmatchcase(name, pattern) for name in names):
            return True
    return False


def digests(root: str, exclude: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each file below `root`, by its path there. Raises OSError if one cannot be read.

    Python's caches are left out. A link to a file counts as that file. A link to a directory or to nothing is
    not followed: its target counts as its content.
    """
    return {path: _digest(f"{root}/{path}") for path in _paths(root, "", exclude)}


def _paths(root: str, below: str, exclude: Sequence[str]) -> Iterator[str]:
    with os.scandir(f"{root}/{below}" if below else root) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = f"{below}/{entry.name}" if below else entry.name
        if matches(path, exclude):
            continue
        if not entry.is_dir(follow_symlinks=False):
            yield path
        elif entry.name != _CACHE:
            yield from _paths(root, path, exclude)


def _digest(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        if not os.path.islink(path):
            raise
        return f"link to {os.readlink(path)}"
    if stat.S_ISDIR(mode):
        return f"link to {os.readlink(path)}"
    if not stat.S_ISREG(mode):
        return "no regular file"
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
