"""Parse XGBoost's UBJSON as far as the check of a model needs it: numbers are skipped, nothing is trusted.

This is the dialect that XGBoost writes and reads: keys and lengths have 64 bits (`L`); arrays of numbers are
typed and counted.
"""

from __future__ import annotations

import struct
from typing import Any

_SIZES = {b"d": 4, b"D": 8, b"i": 1, b"U": 1, b"I": 2, b"l": 4, b"L": 8, b"C": 1}
_PLAIN = {b"Z": None, b"T": True, b"F": False}
_DEEPEST = 64
_MOST = 4_000_000
"""The most values, without numbers in typed arrays: a model of 100,000 trees has half as many."""


class UbjsonError(ValueError):
    """The data are not UBJSON, or not complete."""


def parse(data: bytes) -> Any:
    """The value in the data; each number and each array of numbers becomes None. Raises UbjsonError."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise UbjsonError(f"it goes on after its end at byte {reader.at}")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MOST
        self.at = 0

    def value(self, depth: int) -> Any:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            raise UbjsonError("it is nested too deeply" if self._left >= 0 else "it has too many values")
        mark = self._take(1)
        if mark in _PLAIN:
            return _PLAIN[mark]
        if mark in _SIZES:
            self._take(_SIZES[mark])
            return None
        if mark == b"S":
            return self._text()
        if mark == b"[":
            return self._array(depth)
        if mark == b"{":
            return self._object(depth)
        raise UbjsonError(f"there is no value at byte {self.at - 1}")

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if size < 0 or end > len(self._data):
            raise UbjsonError("it is cut off")
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def _skip(self, size: int) -> None:
        if size < 0 or self.at + size > len(self._data):
            raise UbjsonError("it is cut off")
        self.at += size

    def _next(self) -> bytes:
        return self._data[self.at : self.at + 1]

    def _length(self) -> int:
        if self._take(1) != b"L":
            raise UbjsonError(f"there is no length at byte {self.at - 1}")
        (length,) = struct.unpack(">q", self._take(8))
        return int(length)

    def _text(self) -> str:
        return self._take(self._length()).decode("utf-8", "replace")

    def _array(self, depth: int) -> list[Any] | None:
        if self._next() == b"$":
            self.at += 1
            kind = self._take(1)
            if kind not in _SIZES or self._take(1) != b"#":
                raise UbjsonError(f"there is no typed array at byte {self.at}")
            self._skip(self._length() * _SIZES[kind])
            return None
        items: list[Any] = []
        if self._next() == b"#":
            self.at += 1
            for _ in range(self._length()):  # each item takes a byte at least
                items.append(self.value(depth + 1))
            return items
        while self._next() != b"]":
            items.append(self.value(depth + 1))
        self.at += 1
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while self._next() != b"}":
            length = self._length()
            key = self._take(length).decode("utf-8", "replace")
            entries[key] = self.value(depth + 1)
        self.at += 1
        return entries
