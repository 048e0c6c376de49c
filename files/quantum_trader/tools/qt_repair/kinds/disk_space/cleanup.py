"""Delete old files below a directory, the oldest first, and nothing else, whatever others do there meanwhile.

Each directory is opened relative to the one above it and never through a link, so that nobody can redirect
the deletion. Only regular files with one name are deleted, if they are old enough, no process of this account
has them open, they are on the right file system, and not in a protected directory, whatever its path.
"""

from __future__ import annotations

import fnmatch
import heapq
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from qt_audit.record.place import DIRECTORY_FLAGS

_MAX_DEPTH = 32
"""Levels of directories that are searched: each keeps a descriptor open."""
_MOST_FILES = 100_000
"""The most files that one run deletes."""
_MOST_NAMES = 10
_DAY_S = 86400
_SYSTEM_TREES = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run", "/sbin",
    "/sys", "/usr", "/var/lib/dpkg", "/var/lib/postgresql", "/var/lib/docker", "/var/lib/systemd",
)  # fmt: skip
"""Nothing in these is deleted by its age."""
_TOO_WIDE = frozenset(
    {"/", "/home", "/media", "/mnt", "/opt", "/srv", "/var", "/var/cache", "/var/lib", "/var/spool"}
)
"""These hold too much: a directory below must be named."""
Identity = tuple[int, int]
"""Device and inode: a file or directory, whatever its path."""
_QT_HOME_DIRECTORIES = ("status", "config", "releases", "current", "tools", "scripts", "docs")
"""The record, the settings and the programs, below QT_HOME."""


class CleanupError(Exception):
    """The directory cannot be cleaned up; the text says why."""


@dataclass
class DeletedFiles:
    """The files that were deleted. `size` is the space that they took up, in bytes."""

    count: int = 0
    size: int = 0
    names: list[str] = field(default_factory=list)
    """The paths of the first ones, below the directory."""


@dataclass(order=True, frozen=True)
class _File:
    modified: float
    path: tuple[str, ...]
    device: int
    inode: int


def directory_problem(below: str, home: str | None = None) -> str | None:
    """Why nothing may be deleted below this directory; None if files may be. Pure: it checks the path alone.

    A relative path is below QT_HOME. QT_HOME's own directories are only recognised if `home` is given.
    """
    if "\0" in below:
        return "must hold no NUL character"
    if ".." in below.split("/"):
        return "must not hold `..`"
    path = os.path.normpath(below)
    if not path.startswith("/"):
        own = path.split("/")[0]
        return _own_directory_problem(own) if own in (".", *_QT_HOME_DIRECTORIES) else None
    path = "/" + path.lstrip("/")
    if path in _TOO_WIDE or (path.startswith("/home/") and path.count("/") == 2):
        return f"must name a directory further down than {path}"
    for tree in _SYSTEM_TREES:
        if _within(path, tree):
            return f"must not lie in {tree}"
    if home is not None:
        base = os.path.normpath(home)
        if _within(base, path):
            return f"must name a directory further down than {path}, in which QT_HOME lies"
        own = os.path.relpath(path, base).split("/")[0]
        if own in _QT_HOME_DIRECTORIES:
            return _own_directory_problem(own)
    return None


def _own_directory_problem(own: str) -> str:
    return "must name a directory below QT_HOME" if own == "." else f"must not lie in {own}/ of QT_HOME"


def _within(path: str, tree: str) -> bool:
    return path == tree or path.startswith(f"{tree}/")


def delete_old_files(
    below: str,
    pattern: str,
    older_than_days: float,
    now: float,
    *,
    device: int,
    protected: frozenset[Identity],
    enough: Callable[[], bool],
) -> DeletedFiles:
    """Delete files whose name matches `pattern` and that did not change for so many days, the oldest first.

    Stops when `enough()` is true. Only files on the file system `device` are deleted, and none in the
    `protected` directories. A file that cannot be deleted is skipped. Raises CleanupError if the directory
    cannot be opened.
    """
    top = _open_directory(below)
    try:
        at = os.fstat(top)
        if at.st_dev != device:
            raise CleanupError("lies on another file system")
        if (at.st_dev, at.st_ino) in protected:
            raise CleanupError("is to be kept")
        deleted, in_use = DeletedFiles(), open_files()
        limit = now - older_than_days * _DAY_S
        found = itertools.takewhile(lambda _file: not enough(), _files(top, (), device, protected))
        old = (file for file in found if file.modified <= limit)
        for file in heapq.nsmallest(_MOST_FILES, (file for file in old if _matches(file, pattern))):
            if enough():
                break
            if (file.device, file.inode) not in in_use:
                _delete(top, file, deleted)
        return deleted
    finally:
        os.close(top)


def protected_directories(home: str) -> frozenset[Identity]:
    """The directories in which nothing is deleted: those of QT_HOME and of the system."""
    found = set()
    for path in (*(os.path.join(home, name) for name in _QT_HOME_DIRECTORIES), *_SYSTEM_TREES):
        with suppress(OSError):
            at = os.stat(path)
            found.add((at.st_dev, at.st_ino))
    return frozenset(found)


def open_files() -> set[Identity]:
    """The files that processes of this account have open."""
    found = set()
    for process in os.listdir("/proc"):
        if process.isdigit():
            with suppress(OSError):  # it has ended, or belongs to another account
                for number in os.listdir(f"/proc/{process}/fd"):
                    with suppress(OSError):
                        at = os.stat(f"/proc/{process}/fd/{number}")
                        found.add((at.st_dev, at.st_ino))
    return found


def _open_directory(path: str) -> int:
    """Open a directory without following a link in any part of its path."""
    directory = os.open("/", DIRECTORY_FLAGS)
    for part in filter(None, path.split("/")):
        try:
            inner = os.open(part, DIRECTORY_FLAGS, dir_fd=directory)
        except OSError as error:
            with suppress(OSError):
                if stat.S_ISLNK(os.stat(part, dir_fd=directory, follow_symlinks=False).st_mode):
                    raise CleanupError(f"{part} in it is a link: name the real path") from None
            raise CleanupError(f"cannot be entered: {(error.strerror or '').lower()}") from None
        finally:
            os.close(directory)
        directory = inner
    return directory


def _matches(file: _File, pattern: str) -> bool:
    return fnmatch.fnmatchcase(file.path[-1], pattern)


def _files(
    directory: int, at: tuple[str, ...], device: int, protected: frozenset[Identity]
) -> Iterator[_File]:
    """Regular files with one name, below a directory, on one file system."""
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        with suppress(OSError):  # it is gone, or must not be entered
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                yield _File(found.st_mtime, (*at, name), found.st_dev, found.st_ino)
            elif stat.S_ISDIR(found.st_mode) and found.st_dev == device and len(at) < _MAX_DEPTH:
                inner = os.open(name, DIRECTORY_FLAGS, dir_fd=directory)
                try:
                    there = os.fstat(inner)
                    if there.st_dev == device and (there.st_dev, there.st_ino) not in protected:
                        yield from _files(inner, (*at, name), device, protected)
                finally:
                    os.close(inner)


def _delete(top: int, file: _File, deleted: DeletedFiles) -> None:
    """Delete it if it is still the same file."""
    directories = [top]
    with suppress(OSError):
        try:
            for part in file.path[:-1]:
                directories.append(os.open(part, DIRECTORY_FLAGS, dir_fd=directories[-1]))
            found = os.stat(file.path[-1], dir_fd=directories[-1], follow_symlinks=False)
            if (found.st_dev, found.st_ino, found.st_mtime) == (file.device, file.inode, file.modified):
                os.unlink(file.path[-1], dir_fd=directories[-1])
                deleted.count += 1
                deleted.size += found.st_blocks * 512
                if len(deleted.names) < _MOST_NAMES:
                    deleted.names.append("/".join(file.path))
        finally:
            for directory in directories[1:]:
                os.close(directory)
