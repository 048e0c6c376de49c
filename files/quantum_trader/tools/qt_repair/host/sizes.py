"""Amounts of storage: `1.2 GB` for people; `71.98MB` and `200M` as programs write them."""

from __future__ import annotations

import re

MB = 1_000_000
"""Bytes of a megabyte, in settings and in texts for people."""
_UNITS = ("kB", "MB", "GB", "TB", "PB")
_POWERS: dict[str, int] = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def format_bytes(amount: float) -> str:
    """Bytes for people, in powers of 1000 like disks and Docker: `950 B`, `12 MB`, `1.2 GB`."""
    if amount < 1000:
        return f"{max(0, int(amount))} B"
    value = float(amount)
    for unit in _UNITS:
        value /= 1000
        if round(value, 1) < 1000 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}" if round(value, 1) < 10 else f"{value:.0f} {unit}"


def parse_bytes(text: str) -> int:
    """The bytes of an amount as programs write it.

    With `B` it counts in powers of 1000 (Docker's `71.98MB`); without it, or with `iB`, in powers of 1024
    (systemd's `200M`). Raises ValueError for anything else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKMGTP]?)(i?B)?\s*", text, re.ASCII)
    if match is None:
        raise ValueError("an amount such as 200M or 1.2GB")
    number, unit, suffix = match.groups()
    base = 1000 if suffix == "B" else 1024
    return round(float(number) * float(base ** _POWERS[unit.upper()]))
