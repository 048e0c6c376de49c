"""Warnings to the person or the log behind stderr: one line each, once for the same thing."""

from __future__ import annotations

import os
import sys

from qt_audit.record.entry import escaped

_LONGEST = 4000
_said: set[str] = set()


def warn(text: str, always: bool = False) -> None:
    """One line on stderr, unless it was said already. Never raises, also where stderr is closed."""
    if not always:
        if text in _said:
            return
        if len(_said) > 1000:
            _said.clear()
        _said.add(text)
    line = f"audit: {escaped(text[:_LONGEST])}\n"
    try:
        try:
            descriptor = sys.stderr.fileno()
        except (OSError, ValueError):  # a guest's own, without a file behind it
            sys.stderr.write(line)
            return
        # Past Python's buffer: a child forked while another thread is in it finds its lock taken for ever.
        os.write(descriptor, line.encode("utf-8"))
    except Exception:  # stderr may be anything in a guest program; a warning must not hurt it
        return


def reason(error: Exception) -> str:
    """What an error says, with the name of the file that it is about, or its class."""
    says = getattr(error, "strerror", None) or str(error) or type(error).__name__
    name = getattr(error, "filename", None)
    return f"{name}: {says}" if name else says


def forget() -> None:
    """What was wrong is over: should it happen again, it is said again."""
    _said.clear()
