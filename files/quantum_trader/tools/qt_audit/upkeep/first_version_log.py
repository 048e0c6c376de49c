"""The log of the first, hand-made version, read as entries: `[2025-12-17T17:39:46.725707Z] action`. Pure.

That version wrote `datetime.utcnow().isoformat()`, which drops the fraction at a whole second, and a
message with a newline as several lines: what has no time of its own belongs to the entry above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qt_audit.reading.times import moment

SOURCE = "imported"
_LONGEST = 1 << 20
"""Characters that are taken for one entry at most: a file may be anything."""
_LINE = re.compile(
    r"\[(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)?)\] ?(.*)", re.DOTALL
)


@dataclass(frozen=True)
class Imported:
    """An entry of the old log."""

    number: int
    """The line that it begins at, from 1."""
    ts: str
    """When the record says that it was: never before the one above it, nor later than now."""
    said: str
    """When the log says that it was, as it stands there; empty where it says nothing."""
    action: str


def entries(lines: Iterable[str], now: str) -> Iterator[Imported]:
    """The entries of a log, whose lines have no newline. Nothing in it is lost, also what has no time."""
    last, held = "", None
    for number, text in enumerate(lines, 1):
        found = _LINE.fullmatch(text)
        ts = None if found is None else _time(found[1], now)
        if found is None or ts is None:
            if held is not None and len(held.action) > _LONGEST:
                last = max(last, held.ts)
                yield _trimmed(held, last or now)
                held = None
            if held is None and text.strip():
                held = Imported(number, last, "", text)
            elif held is not None:
                held = Imported(held.number, held.ts, held.said, f"{held.action}\n{text}")
            continue
        if held is not None:
            last = max(last, held.ts)
            yield _trimmed(held, last or min(ts, now))
        ts = min(max(ts, last, held.ts if held is not None else ""), now)
        held = Imported(number, ts, found[1], found[2])
    if held is not None:
        yield _trimmed(held, max(last, held.ts) or now)


def _trimmed(entry: Imported, ts: str) -> Imported:
    return Imported(entry.number, ts, entry.said, entry.action.rstrip("\n"))


def _time(text: str, now: str) -> str | None:
    try:
        return moment(text, now)
    except ValueError:
        return None


def details(entry: Imported, file: str) -> dict[str, object]:
    """Where an entry is from; and what the log said of its time, where that was not taken as it is."""
    found: dict[str, object] = {"imported_from": file, "imported_line": entry.number}
    if _time(entry.said, entry.ts) != entry.ts:
        found["imported_time"] = entry.said or None
    return found
