"""Warnings to the person or the log behind stderr: one line each, once a process for the same thing."""

from __future__ import annotations

import sys

from qt_audit.entry import escaped

_said: set[str] = set()


def warn(text: str) -> None:
    """One line on stderr. Never raises, also where stderr is closed."""
    if text in _said:
        return
    if len(_said) > 1000:
        _said.clear()
    _said.add(text)
    try:
        sys.stderr.write(f"audit: {escaped(text)}\n")
        sys.stderr.flush()
    except Exception:  # stderr may be anything in a guest program; a warning must not hurt it
        return
