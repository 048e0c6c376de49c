"""Warnings on stderr: one line each, and the same warning only once."""

from __future__ import annotations

import os
import sys

from qt_audit.record.entry import escaped

_MAX_CHARACTERS = 4000
_already_warned: set[str] = set()


def warn(text: str, always: bool = False) -> None:
    """Write one line to stderr, unless it was written before. Never raises, even if stderr is closed."""
    if not always:
        if text in _already_warned:
            return
        if len(_already_warned) > 1000:
            _already_warned.clear()
        _already_warned.add(text)
    line = f"audit: {escaped(text[:_MAX_CHARACTERS])}\n"
    try:
        try:
            descriptor = sys.stderr.fileno()
        except (OSError, ValueError):  # the program replaced stderr by an object without a file
            sys.stderr.write(line)
            return
        # Not through Python's buffer: its lock may be held during a fork, and the child then waits for ever.
        os.write(descriptor, line.encode("utf-8"))
    except Exception:  # stderr may be any object; a warning must not stop the program
        return


def reason(error: Exception) -> str:
    """The text of an error, with the name of the file that it is about; its class if it has no text."""
    says = getattr(error, "strerror", None) or str(error) or type(error).__name__
    name = getattr(error, "filename", None)
    return f"{name}: {says}" if name else says


def forget_warnings() -> None:
    """Write each warning again if it happens again: the faults so far are over."""
    _already_warned.clear()
