"""Read the state file of a program without its lock."""

from __future__ import annotations

import errno
import os
import stat

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def read_state_file(path: str, largest: int) -> bytes:
    """The content of a regular file. A link is not followed, and a pipe does not block.

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
