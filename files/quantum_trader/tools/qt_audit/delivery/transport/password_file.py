"""The file with the mail server's password: for its owner's eyes only."""

from __future__ import annotations

import os
import stat

_LONGEST = 1024


class PasswordError(Exception):
    """The file cannot be used; the text names the setting and what to change, and no value."""


def read_password(path: str) -> str:
    """The file's first line. Raises PasswordError if others may read it, or it holds no password."""
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
        content = file.read(_LONGEST + 1)
    line = content.split(b"\n", 1)[0].removesuffix(b"\r")
    try:
        password = line.decode("utf-8")
    except UnicodeDecodeError:
        raise PasswordError("QT_SMTP_PASSWORD_FILE must be UTF-8") from None
    if not password or not password.isprintable() or len(content) > _LONGEST:
        raise PasswordError("QT_SMTP_PASSWORD_FILE must hold the password on one line")
    return password
