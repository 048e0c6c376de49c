"""What retention removed: before it removes a segment, it records an entry with its range and last hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qt_audit.record.entry import EntryError, parse
from qt_audit.record.reserved import ARCHIVE_SOURCE
from qt_audit.verify.scan import DamagedError, SegmentFile

DETAILS_KEY = "removed"
_SOURCE_BYTES = f'"source":"{ARCHIVE_SOURCE}"'.encode()


@dataclass(frozen=True)
class Removal:
    """An entry that says what was removed; `seq` is that entry's own number."""

    seq: int
    segment: str
    first_seq: int
    last_seq: int
    last_hash: str


def removed_before(first_seq: int, first_prev: str, sources: Sequence[SegmentFile]) -> Removal | None:
    """The removal that accounts for a record that begins at `first_seq`: the one that ends exactly there.

    Searches the segments, newest first, for the source's bytes. Needed only if the first entries are gone.
    """
    best: Removal | None = None
    for source in reversed(sources):
        for removal in removals(source):
            if removal.last_seq == first_seq - 1 and removal.last_hash == first_prev:
                return removal
            if removal.last_seq < first_seq and (best is None or best.last_seq < removal.last_seq):
                best = removal
    return best


def removals(source: SegmentFile) -> Iterator[Removal]:
    """The removals that the entries of a segment record."""
    rest = b""
    try:
        for block in source.blocks():
            text = rest + block
            end = text.rfind(b"\n") + 1
            yield from _removals_in(text, end)
            rest = text[end:]
    except DamagedError:
        return


def _removals_in(text: bytes, end: int) -> Iterator[Removal]:
    """The removals in the whole lines of a block."""
    position = text.find(_SOURCE_BYTES, 0, end)
    while position >= 0:
        begin, after = text.rfind(b"\n", 0, position) + 1, text.find(b"\n", position)
        removal = _parse_removal(text[begin:after])
        if removal is not None:
            yield removal
        position = text.find(_SOURCE_BYTES, after, end)


def _parse_removal(line: bytes) -> Removal | None:
    try:
        entry = parse(line)
        removed = entry.details[DETAILS_KEY]
        if entry.source != ARCHIVE_SOURCE:
            return None
        return Removal(
            entry.seq,
            str(removed["segment"]),
            int(removed["first_seq"]),
            int(removed["last_seq"]),
            str(removed["last_hash"]),
        )
    except (EntryError, KeyError, TypeError, ValueError):
        return None
