"""Read what a program remembers, without its lock, whatever lies in its place."""

from __future__ import annotations

import errno
import os
import stat

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def read_state_file(path: str, largest: int) -> bytes:
    """The content of a regular file. A pipe keeps nobody waiting, a link leads nowhere.

    Raises OSError, also for a file of more than `largest` bytes.
    """
    descriptor = os.open(path, _FLAGS)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if status.st_size > largest:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return file.read()
