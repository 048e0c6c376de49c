"""What retention removed, and when it was switched on: what `archive` records of both.

Before it removes a segment, `archive` records an entry with the segment's range and last hash. Before that,
it records what QT_ARCHIVE_KEEP_MONTHS is, if no entry that stays says so. A removal is believed only if it
agrees with the retention of its time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qt_audit.record.compressed import DamagedError
from qt_audit.record.entry import Entry, EntryError
from qt_audit.record.lines import Pieces
from qt_audit.record.parsing import parse
from qt_audit.record.reserved import ARCHIVE_SOURCE
from qt_audit.verify.scan import SegmentFile

DETAILS_KEY = "removed"
RETENTION_KEY, MONTHS_KEY = "retention", "keep_months"
_SOURCE_BYTES = f'"source":"{ARCHIVE_SOURCE}"'.encode()


@dataclass(frozen=True)
class Removal:
    """An entry that says what was removed; `seq` and `ts` are that entry's own."""

    seq: int
    segment: str
    first_seq: int
    last_seq: int
    last_hash: str
    ts: str = ""


@dataclass(frozen=True)
class Retention:
    """An entry that says for how many months segments are kept from then on; 0: for ever."""

    seq: int
    months: int


def months_since(segment: str, ts: str) -> int:
    """Whole months from the end of a segment's month to the month of `ts`: 0 for the month just past."""
    return 12 * (int(ts[:4]) - int(segment[:4])) + int(ts[5:7]) - int(segment[5:7]) - 1


def removed_before(first_seq: int, first_prev: str, sources: Sequence[SegmentFile]) -> Removal | None:
    """The removal that accounts for a record that begins at `first_seq`: the one that ends exactly there.

    Searches the segments, newest first, for the source's bytes. Needed only if the first entries are gone.
    """
    best: Removal | None = None
    for source in reversed(sources):
        for removal in _statements(source):
            if not isinstance(removal, Removal):
                continue
            if removal.last_seq == first_seq - 1 and removal.last_hash == first_prev:
                return removal
            if removal.last_seq < first_seq and (best is None or best.last_seq < removal.last_seq):
                best = removal
    return best


def last_retention(sources: Sequence[SegmentFile], before: int | None = None) -> Retention | None:
    """The last entry that says what the retention is, of those before this `seq`; None if there is none."""
    for source in reversed(sources):
        stated = None
        for one in _statements(source):
            if isinstance(one, Retention) and (before is None or one.seq < before):
                stated = one
        if stated is not None:
            return stated
    return None


def disagreement(removal: Removal, sources: Sequence[SegmentFile]) -> str:
    """Why this removal cannot be the work of retention, with the setting of its time; "" if it can."""
    says = f"entry {removal.seq} says that retention removed seq {removal.first_seq} to {removal.last_seq}"
    stated = last_retention(sources, removal.seq)
    if stated is None:
        return f"{says}, but retention was off: no entry before it sets QT_ARCHIVE_KEEP_MONTHS"
    setting = f"QT_ARCHIVE_KEEP_MONTHS was {stated.months} by entry {stated.seq}"
    if not stated.months:
        return f"{says}, but retention was off: {setting}"
    try:
        age = months_since(removal.segment, removal.ts)
    except ValueError:
        return f"{says}, but it names no segment"
    if age < stated.months:
        return f"{says}, but {removal.segment} had ended {age} months before, and {setting}"
    return ""


def _statements(source: SegmentFile) -> Iterator[Removal | Retention]:
    """What the entries of a segment say about retention, in their order."""
    try:
        for _, text in Pieces(source.blocks()):
            yield from _statements_in(text, len(text))
    except DamagedError:
        return


def _statements_in(text: bytes, end: int) -> Iterator[Removal | Retention]:
    """The statements in the whole lines of a block."""
    position = text.find(_SOURCE_BYTES, 0, end)
    while position >= 0:
        begin, after = text.rfind(b"\n", 0, position) + 1, text.find(b"\n", position)
        statement = _parse_statement(text[begin:after])
        if statement is not None:
            yield statement
        position = text.find(_SOURCE_BYTES, after, end)


def _parse_statement(line: bytes) -> Removal | Retention | None:
    try:
        entry = parse(line)
        if entry.source != ARCHIVE_SOURCE:
            return None
        return _retention(entry) if RETENTION_KEY in entry.details else _removal(entry)
    except (EntryError, KeyError, TypeError, ValueError):
        return None


def _removal(entry: Entry) -> Removal:
    removed = entry.details[DETAILS_KEY]
    return Removal(
        entry.seq,
        str(removed["segment"]),
        int(removed["first_seq"]),
        int(removed["last_seq"]),
        str(removed["last_hash"]),
        entry.ts,
    )


def _retention(entry: Entry) -> Retention:
    return Retention(entry.seq, int(entry.details[RETENTION_KEY][MONTHS_KEY]))
