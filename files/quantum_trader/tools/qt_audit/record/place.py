"""A place where a record can be kept, and safe ways to open what is in it.

Every directory and file below a place's path is opened relative to its parent and never through a link. Only
regular files are used. A file that root creates belongs to the owner of its directory.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qt_audit.settings.loading import Settings

LOG_NAME = "AUTO_REPAIR_AUDIT.log"
RECORD = "record"
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags that open a directory, but not through a link."""
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR
_FILE_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Place:
    """A directory that holds a record. The one of the installation (`home`) also holds the log for people."""

    __slots__ = (
        "directory_mode",
        "file_mode",
        "is_home",
        "log_path",
        "path",
        "private",
        "record_name",
        "record_path",
        "status_path",
    )

    def __init__(self, path: str, home: bool = False, private: bool = False, record: str = RECORD) -> None:
        self.path = path
        self.is_home = home
        self.private = private
        """Whether its parent is writable by everybody: then only its owner may have any rights to it."""
        self.directory_mode = 0o750 if home else 0o700
        self.file_mode = 0o640 if home else 0o600
        self.status_path = f"{path}/status" if home else path
        self.record_name = record
        self.record_path = f"{self.status_path}/{record}"
        self.log_path = f"{self.status_path}/{LOG_NAME}"

    def open(self) -> tuple[int, int]:
        """Descriptors of the status and the record directory, which are created if they are missing.

        Raises OSError if that fails, if one of them is a link, or if others have rights to a private place.
        """
        status = self._open_status() if self.is_home else self._open_base()
        try:
            return status, open_directory(self.record_name, status, self.directory_mode)
        except BaseException:
            os.close(status)
            raise

    def open_existing(self) -> int:
        """A descriptor of the record directory, to read it. Creates nothing. OSError has the path."""
        path = self.path
        descriptor = os.open(path, DIRECTORY_FLAGS & ~os.O_NOFOLLOW)
        for name in ("status", self.record_name) if self.is_home else (self.record_name,):
            parent, path = descriptor, f"{path}/{name}"
            try:
                descriptor = os.open(name, DIRECTORY_FLAGS, dir_fd=parent)
            except OSError as error:
                error.filename = path
                raise
            finally:
                os.close(parent)
        return descriptor

    def _open_status(self) -> int:
        try:
            return os.open(self.status_path, DIRECTORY_FLAGS)
        except FileNotFoundError:
            base = self._open_base()
        try:
            return open_directory("status", base, self.directory_mode)
        finally:
            os.close(base)

    def _open_base(self) -> int:
        # QT_HOME may be a link that the operator made; a fallback place never is one.
        flags = DIRECTORY_FLAGS & ~os.O_NOFOLLOW if self.is_home else DIRECTORY_FLAGS
        try:
            base = os.open(self.path, flags)
        except FileNotFoundError:
            base = _make_path(self.path, self.directory_mode)
        if not self.is_home:
            status = os.fstat(base)
            forbidden = 0o077 if self.private else 0o022
            if status.st_uid != os.geteuid() or status.st_mode & forbidden:
                os.close(base)
                raise PermissionError(errno.EPERM, "not a directory of yours alone", self.path)
        return base


def home(settings: Settings) -> Place:
    """Where an installation's record is: QT_HOME/status/record."""
    return Place(settings.home, home=True)


def fallback_places(home: str) -> tuple[Place, ...]:
    """Where entries of this user go when they cannot be written at this home, in the order to be tried."""
    state = os.environ.get("XDG_STATE_HOME") or ""
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    last = var_tmp_fallback(home, os.geteuid())
    if not os.path.isabs(state):  # a user without a home directory
        return (last,)
    return state_fallback(home, state), last


def state_fallback(home: str, state: str) -> Place:
    """The fallback place in a user's state directory (XDG_STATE_HOME)."""
    return Place(f"{state}/quantum_trader", record=_fallback_record_name(home))


def var_tmp_fallback(home: str, uid: int) -> Place:
    """The fallback place that every user can make."""
    path = f"/var/tmp/quantum_trader-{uid}"  # noqa: S108 - checked to be private
    return Place(path, private=True, record=_fallback_record_name(home))


def _fallback_record_name(home: str) -> str:
    """A name of its own for each home, so that two installations of one user do not mix their entries."""
    return f"{RECORD}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"


def _make_path(path: str, mode: int) -> int:
    """The directory of this path, created with its missing parents.

    A directory that root creates belongs to the owner of its parent.
    """
    parent, name = os.path.split(path.rstrip("/"))
    if not name:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    try:
        above = os.open(parent or ".", DIRECTORY_FLAGS & ~os.O_NOFOLLOW)
    except FileNotFoundError:
        above = _make_path(parent, mode)
    try:
        return open_directory(name, above, mode)
    finally:
        os.close(above)


def open_directory(name: str, parent: int, mode: int) -> int:
    """The directory `name` in `parent`, created if it is missing. Never follows a link."""
    try:
        return os.open(name, DIRECTORY_FLAGS, dir_fd=parent)
    except FileNotFoundError:
        pass
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        return os.open(name, DIRECTORY_FLAGS, dir_fd=parent)
    return _complete_new(os.open(name, DIRECTORY_FLAGS, dir_fd=parent), parent)


def open_file(name: str, directory: int, flags: int, mode: int = 0) -> tuple[int, os.stat_result]:
    """The regular file `name` in `directory`, and its status when it was opened.

    With O_CREAT a new file's name is durable, and the file belongs to the directory's owner. Raises OSError
    for a link, a pipe or a device, and with O_EXCL FileExistsError.
    """
    try:
        if flags & os.O_EXCL:
            descriptor = _create(name, directory, flags, mode)
        else:
            descriptor = os.open(name, flags & ~os.O_CREAT | _FILE_FLAGS, dir_fd=directory)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
        try:
            descriptor = _create(name, directory, flags, mode)
        except FileExistsError:  # another process created it, or it is a dangling link
            return open_file(name, directory, flags & ~os.O_CREAT)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", name)
    if status.st_nlink > 1 and flags & _WRITE_FLAGS and os.geteuid() == 0:
        # It has a second name: another user may have linked one of root's files here.
        os.close(descriptor)
        raise OSError(errno.EMLINK, "has a second name (a hard link)", name)
    return descriptor, status


def _create(name: str, directory: int, flags: int, mode: int) -> int:
    flags |= os.O_CREAT | os.O_EXCL | _FILE_FLAGS
    return _complete_new(os.open(name, flags, mode, dir_fd=directory), directory)


def _complete_new(descriptor: int, directory: int) -> int:
    """Set the owner of a new file or directory and make its name durable; on an error, close it and raise."""
    try:
        inherit_owner(descriptor, directory)
        os.fsync(directory)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def inherit_owner(descriptor: int, directory: int) -> None:
    """Give a file or directory that root created to the owner of the directory that it is in."""
    if os.geteuid() == 0:
        owner = os.fstat(directory)
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
