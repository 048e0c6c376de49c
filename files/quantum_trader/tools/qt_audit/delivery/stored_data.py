"""Check the types of values read from the outbox, which a damaged disk or an editor may have changed. Pure.

Each function returns its value, or raises ValueError.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any


def text(value: Any) -> str:
    """A text."""
    if type(value) is not str:
        raise ValueError("not a text")
    return value


def instant(value: Any) -> str:
    """A time written exactly as in entries, so that calculating with it cannot fail."""
    if (
        f"{datetime.fromisoformat(text(value).removesuffix('Z')).isoformat(timespec='microseconds')}Z"
        != value
    ):
        raise ValueError("not a time")
    return str(value)


def count(value: Any) -> int:
    """A whole number, zero or more."""
    if type(value) is not int or value < 0:
        raise ValueError("not a count")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise ValueError("neither true nor false")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise ValueError("not a list")
    return tuple(text(item) for item in value)
