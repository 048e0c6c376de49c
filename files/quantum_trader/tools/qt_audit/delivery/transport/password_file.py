"""Read the file with the mail server's password, which only its owner may be able to read."""

from __future__ import annotations

import os
import stat

_MAX_BYTES = 1024


class PasswordError(Exception):
    """The file cannot be used. The text names the setting and what to change, but no value."""


def read_password(path: str) -> str:
    """The first line of the file. Raises PasswordError if others can read it, or if it holds no password."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        raise PasswordError(
            "QT_SMTP_PASSWORD_FILE cannot be opened; name a file that the tools may read"
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PasswordError("QT_SMTP_PASSWORD_FILE must be a regular file")
        if status.st_mode & 0o077:
            raise PasswordError("QT_SMTP_PASSWORD_FILE can be read by others; chmod it to 600")
        content = file.read(_MAX_BYTES + 1)
    line = content.split(b"\n", 1)[0].removesuffix(b"\r")
    try:
        password = line.decode("utf-8")
    except UnicodeDecodeError:
        raise PasswordError("QT_SMTP_PASSWORD_FILE must be UTF-8") from None
    if not password or not password.isprintable() or len(content) > _MAX_BYTES:
        raise PasswordError("QT_SMTP_PASSWORD_FILE must hold the password on one line")
    return password
