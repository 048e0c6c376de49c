"""What retention removed, as the trail itself tells: an entry names range and head before a segment goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qt_audit.record.entry import EntryError, parse
from qt_audit.verify.scan import DamagedError, Source

SOURCE = "audit_archive"
KEY = "removed"
_MARK = b'"source":"audit_archive"'


@dataclass(frozen=True)
class Removal:
    """An entry that says what was removed; `seq` is that entry's own number."""

    seq: int
    segment: str
    first_seq: int
    last_seq: int
    last_hash: str


def removed_before(first_seq: int, first_prev: str, sources: Sequence[Source]) -> Removal | None:
    """The removal that accounts for a record that begins at `first_seq`: the one that ends exactly there.

    Looks for bytes, newest segment first; only where a beginning is gone is this needed.
    """
    best: Removal | None = None
    for source in reversed(sources):
        for removal in removals(source):
            if removal.last_seq == first_seq - 1 and removal.last_hash == first_prev:
                return removal
            if removal.last_seq < first_seq and (best is None or best.last_seq < removal.last_seq):
                best = removal
    return best


def removals(source: Source) -> Iterator[Removal]:
    """The removals that a segment tells of."""
    rest = b""
    try:
        for block in source.blocks():
            text = rest + block
            end = text.rfind(b"\n") + 1
            yield from _named(text, end)
            rest = text[end:]
    except DamagedError:
        return


def _named(text: bytes, end: int) -> Iterator[Removal]:
    """The removals in the whole lines of a block."""
    position = text.find(_MARK, 0, end)
    while position >= 0:
        begin, after = text.rfind(b"\n", 0, position) + 1, text.find(b"\n", position)
        removal = _parsed(text[begin:after])
        if removal is not None:
            yield removal
        position = text.find(_MARK, after, end)


def _parsed(line: bytes) -> Removal | None:
    try:
        entry = parse(line)
        removed = entry.details[KEY]
        if entry.source != SOURCE:
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
