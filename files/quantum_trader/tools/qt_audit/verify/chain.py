"""Verify the record: follow the chain through all segments to the head, and name each fault.

Verifying creates and changes nothing, and writers may go on: a snapshot of the record is checked. If a fault
is found, a second snapshot is taken under the record's lock and checked, so that a half-written line is not
reported as a fault.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from qt_audit.record import segments
from qt_audit.record.entry import GENESIS
from qt_audit.record.head import HEAD_NAME, Head
from qt_audit.record.place import Place
from qt_audit.verify.diagnosis import Diagnosis
from qt_audit.verify.fault import ALTERED, MISSING, TORN, Fault, Faults
from qt_audit.verify.other_files import contradictions, read_other_files
from qt_audit.verify.removals import disagreement, removed_before
from qt_audit.verify.scan import EMPTY_SECTION, ChainSection, SegmentFile, parts, scan_parts
from qt_audit.verify.snapshot import Snapshot, open_record_directory, take_snapshot, try_record_lock

Progress = Callable[[int, int], None]
"""Called with the number of bytes that are done, and of all bytes."""


@dataclass(frozen=True)
class Report:
    """What `verify` found. `seq` and `hash` are those of the last entry."""

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


def processor_count() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def verify(place: Place, timeout: float, jobs: int | None = None, progress: Progress | None = None) -> Report:
    """Check every byte of the record against the chain and the head, and against what other files know.

    `timeout` bounds the wait for the lock, in seconds; `jobs` is the number of processes (default:
    as many as there are cores). Raises OSError if the record cannot be read.
    """
    with open_record_directory(place) as record:
        known = read_other_files(record) if place.is_home else None
        report = _check_snapshot(take_snapshot(record, under_lock=False), jobs or processor_count(), progress)
        if report is None or not report.whole:
            with try_record_lock(record, timeout) as under_lock:
                snapshot = take_snapshot(record, under_lock)
            report = _check_snapshot(snapshot, jobs or processor_count(), progress, final=True)
        assert report is not None
        if known is not None and report.whole:
            faults = contradictions(known, record, report.first_seq, report.seq)
            report = replace(report, faults=tuple(faults))
        return report


def _check_snapshot(
    snapshot: Snapshot, jobs: int, progress: Progress | None, final: bool = False
) -> Report | None:
    """The report on a snapshot; None if something is wrong and the check is not `final`."""
    try:
        scans = _scan_segments(snapshot, jobs, progress)
        report = _report_if_whole(snapshot, scans)
        return _diagnose(snapshot, scans) if report is None and final else report
    finally:
        snapshot.close()


@dataclass(frozen=True)
class _SegmentScan:
    """A segment, its section of the chain, and the part of the section up to the end that the head names."""

    source: SegmentFile
    section: ChainSection
    section_to_head: ChainSection

    @property
    def month(self) -> str:
        """The segment that its entries belong to; its own name if they belong to several."""
        first, last = self.section.first_ts[:7], self.section.last_ts[:7]
        one_month = first and first == last and first != self.source.name[:7]
        return f"{first}.jsonl" if one_month else self.source.name

    def agrees_with(self, head: Head) -> bool:
        """Whether the head's entry is in this segment and ends where the head says."""
        to_head = self.section if head.offset == 0 else self.section_to_head
        if (to_head.last_seq, to_head.last_hash) != (head.seq, head.hash):
            return False
        if head.offset == 0:
            return True  # the head's segment is new and still empty
        if self.source.name != head.segment:
            return False
        return self.source.archived or os.pread(self.source.descriptor, 2, head.offset - 1)[:1] == b"\n"


def _scan_segments(snapshot: Snapshot, jobs: int, progress: Progress | None) -> list[_SegmentScan]:
    head = snapshot.head
    all_parts = [
        part
        for source in snapshot.sources
        for part in parts(source, head.offset if head is not None and head.segment == source.name else 0)
    ]
    total = sum(part.end - part.start for part in all_parts)
    found = scan_parts(
        all_parts, jobs, (lambda done: progress(done, total)) if progress else (lambda _done: None)
    )
    scans = []
    for source in snapshot.sources:
        whole = to_head = EMPTY_SECTION
        for part, section in zip(all_parts, found, strict=True):
            if part.source is source:
                whole = whole.joined_with(section)
                if source.archived or head is None or part.end <= head.offset:
                    to_head = whole
        scans.append(_SegmentScan(source, whole, to_head))
    if any(map(segments.is_numbered, (scan.source.name for scan in scans))):
        return scans  # in the order of their first `seq`
    if all(scan.section.whole for scan in scans):  # a numbered segment may be gone
        return sorted(scans, key=lambda scan: (scan.section.first_seq or 1 << 64, scan.month))
    return sorted(scans, key=lambda scan: scan.month)


def _report_if_whole(snapshot: Snapshot, scans: list[_SegmentScan]) -> Report | None:
    """The report on a record without a fault; None if there is a fault."""
    head, filled = snapshot.head, [scan for scan in scans if scan.section.lines]
    if snapshot.faults or any(scan.section.tail or not scan.section.whole for scan in scans):
        return None
    if any(
        scan.month != scan.source.name or scan.section.last_ts[:7] != scan.source.name[:7] for scan in filled
    ):
        return None
    total = EMPTY_SECTION
    for scan in filled:
        total = total.joined_with(scan.section)
    if head is None:
        return None if filled or snapshot.head_exists else Report(0, 0, 0, GENESIS, len(scans), (), 0, ())
    if not total.lines:
        return Report(0, 0, 0, GENESIS, len(scans), (), 0, ()) if head.seq == 0 else None
    if not total.whole or not any(scan.agrees_with(head) for scan in filled) or head.durable > head.seq:
        return None
    notes, start, contradiction = _before_first_entry(filled)
    if contradiction or start != (total.first_seq - 1, total.first_prev):
        return None
    return Report(
        total.lines, total.first_seq, total.last_seq, total.last_hash, len(scans), (), 0, tuple(notes)
    )


def _before_first_entry(filled: list[_SegmentScan]) -> tuple[list[str], tuple[int, str], str]:
    """Notes, the number and hash of the last entry that retention removed, and what contradicts it."""
    first = filled[0].section if filled else EMPTY_SECTION
    if first.first_seq <= 1:
        return [], (0, GENESIS), ""
    sources = [scan.source for scan in filled]
    removal = removed_before(first.first_seq, first.first_prev, sources)
    if removal is None:
        return [], (0, GENESIS), ""
    contradiction = disagreement(removal, sources)
    note = f"seq 1 to {removal.last_seq} were removed by retention, as entry {removal.seq} says"
    return [] if contradiction else [note], (removal.last_seq, removal.last_hash), contradiction


def _diagnose(snapshot: Snapshot, scans: list[_SegmentScan]) -> Report:
    """Name each fault. Only segments that are not whole or do not continue the chain are read again."""
    head, filled = (
        snapshot.head,
        [scan for scan in scans if scan.section.lines or scan.section.tail or not scan.section.whole],
    )
    notes, start, contradiction = _before_first_entry([scan for scan in filled if scan.section.lines])
    diagnosis = Diagnosis(head, *start, under_lock=snapshot.under_lock)
    if contradiction:
        diagnosis.faults.add(MISSING, filled[0].source.file, 1, contradiction, last_seq=start[0])
    _add_head_and_file_faults(snapshot, filled, diagnosis.faults)
    for index, scan in enumerate(filled):
        contradicts_head = (
            head is not None and scan.source.name == head.segment and not scan.agrees_with(head)
        )
        if diagnosis.fits(scan.section) and not contradicts_head:
            diagnosis.accept_segment(scan.source, scan.section)
        else:
            after = filled[index + 1].section if index + 1 < len(filled) else None
            diagnosis.check_lines(scan.source, after)
    diagnosis.finish({source.name for source in snapshot.sources})
    faults = diagnosis.faults
    first = next((scan.section.first_seq for scan in filled if scan.section.first_seq), 0)
    return Report(
        diagnosis.entries,
        first,
        diagnosis.seq,
        diagnosis.hash or "",
        len(scans),
        tuple(faults.found),
        faults.more,
        tuple(notes + diagnosis.notes),
    )


def _add_head_and_file_faults(snapshot: Snapshot, filled: list[_SegmentScan], faults: Faults) -> None:
    """Add the faults that show without reading a line."""
    faults.found += snapshot.faults
    if snapshot.head is None and not any(fault.file == HEAD_NAME for fault in snapshot.faults):
        if not snapshot.head_exists:
            faults.add(
                MISSING,
                HEAD_NAME,
                None,
                "the head is gone: a cut tail would not be seen; the next writer rebuilds it",
            )
        elif filled:
            faults.add(
                TORN,
                HEAD_NAME,
                None,
                "the head cannot be read: a cut tail would not be seen; the next writer rebuilds it",
            )
    for scan in filled:
        if scan.month != scan.source.name:
            faults.add(
                ALTERED,
                scan.source.file,
                scan.section.first_seq,
                f"renamed: it holds the entries of {scan.month}",
            )
