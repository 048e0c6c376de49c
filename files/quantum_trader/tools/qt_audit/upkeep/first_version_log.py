"""The log of the first, hand-made version, read as entries: `[2025-12-17T17:39:46.725707Z] action`. Pure.

That version wrote `datetime.utcnow().isoformat()`, which has no fraction at a whole second. It wrote a
message with a newline as several lines, so a line without a time belongs to the entry above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qt_audit.reading.times import moment

_MAX_CHARACTERS = 1 << 20
"""An entry has at most so many characters, whatever the file is."""
_LINE = re.compile(
    r"\[(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)?)\] ?(.*)", re.DOTALL
)


@dataclass(frozen=True)
class Imported:
    """An entry of the old log."""

    number: int
    """The line that it begins at, from 1."""
    ts: str
    """The time in the record: not before that of the entry above it, and not later than now."""
    original_time: str
    """The time as it is written in the log; empty if there is none."""
    action: str


class _Pending:
    """An entry whose lines are being read; `ts` is empty until it is known."""

    def __init__(self, number: int, ts: str, original_time: str, text: str) -> None:
        self.number = number
        self.ts = ts
        self._original_time = original_time
        self._lines = [text]
        self._characters = len(text)

    def add(self, text: str) -> bool:
        """Add a line, unless the entry is too long already. Returns whether it was added."""
        if self._characters > _MAX_CHARACTERS:
            return False
        self._lines.append(text)
        self._characters += len(text) + 1
        return True

    def entry(self, ts: str) -> Imported:
        """The entry, with this time in the record."""
        return Imported(self.number, ts, self._original_time, "\n".join(self._lines).rstrip("\n"))


def entries(lines: Iterable[str], now: str) -> Iterator[Imported]:
    """The entries of a log, whose lines have no newline. Lines without a time are not lost."""
    last = ""
    pending: _Pending | None = None
    for number, text in enumerate(lines, 1):
        found = _LINE.fullmatch(text)
        ts = None if found is None else _time(found[1], now)
        if found is None or ts is None:
            if pending is not None and not pending.add(text):
                last = max(last, pending.ts)
                yield pending.entry(last or now)
                pending = None
            if pending is None and text.strip():
                pending = _Pending(number, last, "", text)
            continue
        if pending is not None:
            last = max(last, pending.ts)
            yield pending.entry(last or min(ts, now))
        ts = min(max(ts, last, pending.ts if pending is not None else ""), now)
        pending = _Pending(number, ts, found[1], found[2])
    if pending is not None:
        yield pending.entry(max(last, pending.ts) or now)


def _time(text: str, now: str) -> str | None:
    try:
        return moment(text, now)
    except ValueError:
        return None


def details(entry: Imported, file: str) -> dict[str, object]:
    """The file and line of an entry; and the time in the log, if the record has another one."""
    found: dict[str, object] = {"imported_from": file, "imported_line": entry.number}
    if _time(entry.original_time, entry.ts) != entry.ts:
        found["imported_time"] = entry.original_time or None
    return found
