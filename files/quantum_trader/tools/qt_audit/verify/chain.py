"""Verify the record: follow the chain through all segments to the head, and name each fault.

Readers never create or change anything. Writers may go on meanwhile: what is checked is the
record as it was when the look began, and a look that found something wrong is taken again
with the record's lock held for a moment, so that no half-written line is called a fault.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qt_audit.record.entry import GENESIS
from qt_audit.record.head import HEAD_NAME as HEAD
from qt_audit.record.head import Head
from qt_audit.record.place import Place
from qt_audit.verify import removals as retention
from qt_audit.verify.diagnosis import Diagnosis
from qt_audit.verify.fault import ALTERED, MISSING, TORN, Fault, Faults
from qt_audit.verify.scan import NOTHING, Source, Stretch, look_at_all, parts
from qt_audit.verify.snapshot import Snapshot, locked, opened, take

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are done."""


@dataclass(frozen=True)
class Report:
    """What `verify` found out. `seq` and `hash` are the last entry's: the head."""

    entries: int
    first_seq: int
    seq: int
    hash: str
    segments: int
    faults: tuple[Fault, ...]
    more_faults: int
    notes: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        faults = [fault.as_dict() for fault in self.faults]
        return {**self.__dict__, "whole": self.whole, "faults": faults, "notes": list(self.notes)}


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def verify(place: Place, timeout: float, jobs: int | None = None, progress: Progress | None = None) -> Report:
    """Check every byte of the record against the chain and the head.

    `timeout` bounds the wait for the lock, in seconds; `jobs` is the number of processes (default:
    as many as there are cores). Raises OSError if the record cannot be read.
    """
    with opened(place) as record:
        report = _checked(take(record, still=False), jobs or cores(), progress)
        if report is None or not report.whole:
            with locked(record, timeout) as still:
                snapshot = take(record, still)
            report = _checked(snapshot, jobs or cores(), progress, last_word=True)
        assert report is not None
        return report


def _checked(
    snapshot: Snapshot, jobs: int, progress: Progress | None, last_word: bool = False
) -> Report | None:
    """The report on a snapshot; None if something does not fit and this is not the last word on it."""
    try:
        looks = _look(snapshot, jobs, progress)
        report = _intact(snapshot, looks)
        return _diagnosed(snapshot, looks) if report is None and last_word else report
    finally:
        snapshot.close()


@dataclass(frozen=True)
class _Look:
    """A segment, what it holds, and what it holds up to where the head says that the record ends."""

    source: Source
    whole: Stretch
    to_head: Stretch

    @property
    def month(self) -> str:
        """The segment that its entries belong to; its name where they do not agree on one."""
        first, last = self.whole.first_ts[:7], self.whole.last_ts[:7]
        return f"{first}.jsonl" if first and first == last else self.source.name

    def agrees_with(self, head: Head) -> bool:
        """Whether the head's entry is in this segment, and ends where the head says."""
        to_head = self.whole if head.offset == 0 else self.to_head
        if (to_head.last_seq, to_head.last_hash) != (head.seq, head.hash):
            return False
        if head.offset == 0:
            return True  # the head's segment was begun, and nothing was written to it yet
        if self.source.name != head.segment:
            return False
        return self.source.archived or os.pread(self.source.descriptor, 2, head.offset - 1)[:1] == b"\n"


def _look(snapshot: Snapshot, jobs: int, progress: Progress | None) -> list[_Look]:
    head = snapshot.head
    todo = [
        part
        for source in snapshot.sources
        for part in parts(source, head.offset if head is not None and head.segment == source.name else 0)
    ]
    total = sum(part.end - part.start for part in todo)
    found = look_at_all(
        todo, jobs, (lambda done: progress(done, total)) if progress else (lambda _done: None)
    )
    looks = []
    for source in snapshot.sources:
        whole = to_head = NOTHING
        for part, stretch in zip(todo, found, strict=True):
            if part.source is source:
                whole = whole.then(stretch)
                if source.archived or head is None or part.end <= head.offset:
                    to_head = whole
        looks.append(_Look(source, whole, to_head))
    return sorted(looks, key=lambda look: look.month)


def _intact(snapshot: Snapshot, looks: list[_Look]) -> Report | None:
    """The report on a record without any fault; None if there is one."""
    head, filled = snapshot.head, [look for look in looks if look.whole.lines]
    if snapshot.faults or any(look.whole.tail or not look.whole.whole for look in looks):
        return None
    if any(
        look.month != look.source.name or look.whole.last_ts[:7] != look.source.name[:7] for look in filled
    ):
        return None
    total = NOTHING
    for look in filled:
        total = total.then(look.whole)
    if head is None:
        return None if filled or snapshot.head_exists else Report(0, 0, 0, GENESIS, len(looks), (), 0, ())
    if not total.lines:
        return Report(0, 0, 0, GENESIS, len(looks), (), 0, ()) if head.seq == 0 else None
    if not total.whole or not any(look.agrees_with(head) for look in filled) or head.durable > head.seq:
        return None
    notes, start = _start(filled)
    if start != (total.first_seq - 1, total.first_prev):
        return None
    return Report(
        total.lines, total.first_seq, total.last_seq, total.last_hash, len(looks), (), 0, tuple(notes)
    )


def _start(filled: list[_Look]) -> tuple[list[str], tuple[int, str]]:
    """Number and hash of the entry before the record's first: none, or the last that retention removed."""
    first = filled[0].whole if filled else NOTHING
    if first.first_seq <= 1:
        return [], (0, GENESIS)
    removal = retention.removed_before(first.first_seq, first.first_prev, [look.source for look in filled])
    if removal is None:
        return [], (0, GENESIS)
    note = f"seq 1 to {removal.last_seq} were removed by retention, as entry {removal.seq} says"
    return [note], (removal.last_seq, removal.last_hash)


def _diagnosed(snapshot: Snapshot, looks: list[_Look]) -> Report:
    """Name each fault. Only segments that are not whole, or do not fit, are read again."""
    head, filled = (
        snapshot.head,
        [look for look in looks if look.whole.lines or look.whole.tail or not look.whole.whole],
    )
    notes, start = _start([look for look in filled if look.whole.lines])
    diagnosis = Diagnosis(head, *start, still=snapshot.still)
    _name_head_and_files(snapshot, filled, diagnosis.faults)
    for index, look in enumerate(filled):
        doubtful = head is not None and look.source.name == head.segment and not look.agrees_with(head)
        if diagnosis.fits(look.whole) and not doubtful:
            diagnosis.pass_over(look.source, look.whole)
        else:
            after = filled[index + 1].whole if index + 1 < len(filled) else None
            diagnosis.go_through(look.source, after)
    diagnosis.finish({source.name for source in snapshot.sources})
    faults = diagnosis.faults
    first = next((look.whole.first_seq for look in filled if look.whole.first_seq), 0)
    return Report(
        diagnosis.entries,
        first,
        diagnosis.seq,
        diagnosis.hash or "",
        len(looks),
        tuple(faults.found),
        faults.more,
        tuple(notes + diagnosis.notes),
    )


def _name_head_and_files(snapshot: Snapshot, filled: list[_Look], faults: Faults) -> None:
    """The faults that show without a look at any line."""
    faults.found += snapshot.faults
    if snapshot.head is None and not any(fault.file == HEAD for fault in snapshot.faults):
        if not snapshot.head_exists:
            faults.add(
                MISSING,
                HEAD,
                None,
                "the head is gone: a cut tail would not be seen; the next writer rebuilds it",
            )
        elif filled:
            faults.add(
                TORN,
                HEAD,
                None,
                "the head cannot be read: a cut tail would not be seen; the next writer rebuilds it",
            )
    for look in filled:
        if look.month != look.source.name:
            faults.add(
                ALTERED,
                look.source.file,
                look.whole.first_seq,
                f"renamed: it holds the entries of {look.month}",
            )
