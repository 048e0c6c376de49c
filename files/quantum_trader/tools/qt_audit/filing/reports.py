"""Make the report of a period from the record: read once, from the beginning of the time before it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from qt_audit.filing import summaries
from qt_audit.reading.history import History
from qt_audit.record.entry import Entry
from qt_audit.record.place import Place
from qt_audit.report.contents import Around, Report, report
from qt_audit.report.figures import Count
from qt_audit.report.grid import grid
from qt_audit.report.intervals import Runs, told
from qt_audit.report.span import Before, Span, before, span
from qt_audit.summary.period import Period
from qt_audit.verify import chain as integrity

_QUICKLY = 64 << 20
"""Bytes of record that are checked in a fraction of a second."""
_LOCK_TIMEOUT = 5.0


def make(
    place: Place,
    period: Period,
    now: str,
    skipped: str = "",
    delivery: Mapping[str, str] | None = None,
) -> Report:
    """The report of a period; `now` is the present. Raises JournalError.

    `delivery` tells in words how messages get through, if the caller knows.
    """
    history, runs = History(place), Runs()
    first = history.first()
    parts = grid(period)
    earlier = _before(history, runs, period, now, parts.unit, first)
    count = Count(parts.unit)

    def see(entry: Entry) -> None:
        count.add(entry)
        runs.add(entry)

    summary = summaries.make(place, period, now, skipped, see=see, details=told)
    last = history.before(period.until)
    around = Around(
        host=os.uname().nodename if last is None else str(last.entry.host),
        unknown=summaries.unrecorded(place, period) or "",
        chain=chain(place),
        delivery=delivery,
    )
    return report(summary, count, runs, parts, earlier, around)


def _before(
    history: History, runs: Runs, period: Period, now: str, unit: str, first: Entry | None
) -> tuple[Before, Count] | None:
    """Read what the period is compared with; None where the record does not tell of all of it."""
    earlier = before(period, now)
    if earlier is None or first is None or first.ts >= period.since:
        return None
    count = Count(unit)
    for entry in _then(history, earlier.since, earlier.until, runs.add):
        count.add(entry)
    for _ in _then(history, earlier.until, period.since, runs.add):
        pass  # what is broken when the period begins
    begins = first.ts[:10] if first.seq == 1 else first.ts
    return (earlier, count) if begins <= earlier.since else None


def _then(history: History, since: str, until: str, see: Callable[[Entry], None]) -> Iterator[Entry]:
    for entry in history.window(since, until, details=told):
        see(entry)
        yield entry


def within_the_record(place: Place, period: Period) -> Period:
    """The period; one of no kind without the days before the first entry. Raises JournalError."""
    first = History(place).first()
    if not isinstance(period, Span) or first is None or first.ts <= period.since or first.ts >= period.until:
        return period
    return span(f"{first.ts[:10]}T00:00:00.000000Z", period.until)


def chain(place: Place) -> str:
    """What a check of the whole chain finds, in words; empty for a record too large to check on the way."""
    try:
        with os.scandir(place.record_path) as found:
            size = sum(file.stat().st_size for file in found)
        if size > _QUICKLY:
            return ""
        checked = integrity.verify(place, _LOCK_TIMEOUT, jobs=1)
    except OSError:
        return ""
    if checked.whole:
        entries = "1 entry" if checked.entries == 1 else f"{checked.entries:,} entries"
        return f"whole: {entries} checked"
    faults = len(checked.faults) + checked.more_faults
    found_so_many = "1 fault" if faults == 1 else f"{faults:,} faults"
    return f"{found_so_many} found: `audit_logger.py verify` names what is wrong"
