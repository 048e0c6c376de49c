"""Files below a directory that an unprivileged account owns, handled by root without trusting it.

Every path is opened component by component from a descriptor and never through a link, and
what is written is written with the account's own rights.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class RefusedError(Exception):
    """Something on the host is in the way; the message says what to do."""


@dataclass(frozen=True)
class Owner:
    """Whom everything belongs to."""

    uid: int
    gid: int

    @classmethod
    def named(cls, user: str, group: str | None = None) -> Owner:
        """The account and group of these names; the account's own group if none is named.

        Raises RefusedError if there is none.
        """
        try:
            account = pwd.getpwnam(user)
            return cls(account.pw_uid, grp.getgrnam(group).gr_gid if group else account.pw_gid)
        except KeyError as error:
            raise RefusedError(
                f"the account {user} or the group {group} does not exist on the host"
            ) from error

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Act with this account's rights, where root does the work."""
        if os.geteuid() != 0:
            yield
            return
        groups, gid = os.getgroups(), os.getegid()
        os.setgroups([self.gid])
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(gid)
            os.setgroups(groups)

    def has(self, status: os.stat_result) -> bool:
        """Whether something belongs to this account and group."""
        return (status.st_uid, status.st_gid) == (self.uid, self.gid)


@contextlib.contextmanager
def opened(path: str, top: int) -> Iterator[int]:
    """A descriptor of the directory `path` below `top`; "" is `top` itself."""
    descriptor = os.dup(top)
    try:
        for name in path.split("/") if path else []:
            inner = os.open(name, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def status_of(path: str, top: int) -> os.stat_result | None:
    """What is at `path`, a link not followed; None where nothing is."""
    directory, name = os.path.split(path)
    try:
        with opened(directory, top) as parent:
            return os.stat(name or ".", dir_fd=parent, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # What opening a link with O_NOFOLLOW says.
        raise RefusedError(f"{directory} is in the way ({error.strerror}): move it away") from error


def link_at(path: str, top: int) -> str | None:
    """What the link at `path` says; None where no link is."""
    status = status_of(path, top)
    if status is None or not stat.S_ISLNK(status.st_mode):
        return None
    directory, name = os.path.split(path)
    with opened(directory, top) as parent:
        return os.readlink(name, dir_fd=parent)


def names_in(path: str, top: int) -> list[str]:
    """The names in a directory, sorted; none where there is no directory."""
    try:
        with opened(path, top) as descriptor:
            return sorted(os.listdir(descriptor))
    except (FileNotFoundError, NotADirectoryError):
        return []


def content_of(path: str, top: int) -> bytes:
    """What is in the regular file at `path`."""
    directory, name = os.path.split(path)
    with opened(directory, top) as parent, open(os.open(name, _READ, dir_fd=parent), "rb") as file:
        return file.read()


def digest_of(path: str, top: int) -> str:
    """The SHA-256 of the regular file at `path`, in hex."""
    return hashlib.sha256(content_of(path, top)).hexdigest()


def make_directory(path: str, top: int, mode: int, owner: Owner) -> None:
    """Make the directory, or give the one that is there its owner and mode."""
    directory, name = os.path.split(path)
    if name and status_of(path, top) is None:
        with opened(directory, top) as parent, owner.acting():
            os.mkdir(name, mode, dir_fd=parent)
    with opened(path, top) as descriptor:
        if not owner.has(os.fstat(descriptor)):
            os.fchown(descriptor, owner.uid, owner.gid)
        os.fchmod(descriptor, mode)


def write_file(path: str, top: int, content: bytes, mode: int, owner: Owner) -> None:
    """Put a file into its place in one step, durable; its directory's name is not synced.

    Until then its name ends in a tilde: cron, logrotate, sudo and systemd all pass over that.
    """
    directory, name = os.path.split(path)
    partial = f".{name}.partial~"
    with opened(directory, top) as parent, owner.acting():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=parent)
        with open(os.open(partial, _CREATE, 0o600, dir_fd=parent), "wb") as file:
            file.write(content)
            if os.fstat(file.fileno()).st_gid != owner.gid:  # without root, another group of the account's
                os.fchown(file.fileno(), -1, owner.gid)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, name, src_dir_fd=parent, dst_dir_fd=parent)


def write_link(path: str, top: int, target: str, owner: Owner) -> None:
    """Put a link into its place in one step, over a link that is there."""
    directory, name = os.path.split(path)
    partial = f".{name}.partial~"
    with opened(directory, top) as parent, owner.acting():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=parent)
        os.symlink(target, partial, dir_fd=parent)
        os.rename(partial, name, src_dir_fd=parent, dst_dir_fd=parent)
        os.fsync(parent)


def remove(path: str, top: int) -> None:
    """Remove what is at `path` and all below it; links are removed, not followed."""
    status = status_of(path, top)
    if status is None:
        return
    directory, name = os.path.split(path)
    if stat.S_ISDIR(status.st_mode):
        for inner in names_in(path, top):
            remove(f"{path}/{inner}", top)
        with opened(directory, top) as parent:
            os.rmdir(name, dir_fd=parent)
        return
    with opened(directory, top) as parent:
        os.unlink(name, dir_fd=parent)
