"""Make the report of a period from the record, which is read once, from the begin of the period before."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from qt_audit.filing.summaries import make_summary, why_not_recorded
from qt_audit.reading.history import History
from qt_audit.record.entry import Entry
from qt_audit.record.place import Place
from qt_audit.report.contents import Report, ReportContext, build_report
from qt_audit.report.figures import Count
from qt_audit.report.grid import grid
from qt_audit.report.intervals import Runs, relevant_details
from qt_audit.report.span import ComparedPeriod, Span, compared_period, span
from qt_audit.summary.period import Period
from qt_audit.verify.chain import verify

_MAX_CHECKED_BYTES = 64 << 20
"""A record of at most so many bytes is checked in a fraction of a second."""
_LOCK_TIMEOUT = 5.0


def make_report(
    place: Place,
    period: Period,
    now: str,
    skipped: str = "",
    delivery: Mapping[str, str] | None = None,
) -> Report:
    """The report of a period. `now` is the present. Raises JournalError.

    `delivery` is the state of the channels in words, if the caller knows it.
    """
    history, runs = History(place), Runs()
    first = history.first()
    parts = grid(period)
    earlier = _count_period_before(history, runs, period, now, parts.unit, first)
    count = Count(parts.unit)

    def count_entry(entry: Entry) -> None:
        count.add(entry)
        runs.add(entry)

    summary = make_summary(place, period, now, skipped, visit=count_entry, details=relevant_details)
    last = history.before(period.until)
    around = ReportContext(
        host=os.uname().nodename if last is None else str(last.entry.host),
        unknown=why_not_recorded(place, period) or "",
        chain=chain_check_text(place),
        delivery=delivery,
    )
    return build_report(summary, count, runs, parts, earlier, around)


def _count_period_before(
    history: History, runs: Runs, period: Period, now: str, unit: str, first: Entry | None
) -> tuple[ComparedPeriod, Count] | None:
    """Count the period to compare with; None if the record does not hold all of it."""
    earlier = compared_period(period, now)
    if earlier is None or first is None or first.ts >= period.since:
        return None
    count = Count(unit)
    for entry in _read_window(history, earlier.since, earlier.until, runs.add):
        count.add(entry)
    for _ in _read_window(history, earlier.until, period.since, runs.add):
        pass  # `runs` must know what is broken when the period begins
    begins = first.ts[:10] if first.seq == 1 else first.ts
    return (earlier, count) if begins <= earlier.since else None


def _read_window(history: History, since: str, until: str, visit: Callable[[Entry], None]) -> Iterator[Entry]:
    for entry in history.window(since, until, details=relevant_details):
        visit(entry)
        yield entry


def without_days_before_record(place: Place, period: Period) -> Period:
    """The period; if it is a free span, without the days before the first entry. Raises JournalError."""
    first = History(place).first()
    if not isinstance(period, Span) or first is None or first.ts <= period.since or first.ts >= period.until:
        return period
    return span(f"{first.ts[:10]}T00:00:00.000000Z", period.until)


def chain_check_text(place: Place) -> str:
    """The result of a check of the whole chain, in words; empty if the record is too large for it."""
    try:
        with os.scandir(place.record_path) as found:
            size = sum(file.stat().st_size for file in found)
        if size > _MAX_CHECKED_BYTES:
            return ""
        checked = verify(place, _LOCK_TIMEOUT, jobs=1)
    except OSError:
        return ""
    if checked.whole:
        entries = "1 entry" if checked.entries == 1 else f"{checked.entries:,} entries"
        return f"whole: {entries} checked"
    faults = len(checked.faults) + checked.more_faults
    counted = "1 fault" if faults == 1 else f"{faults:,} faults"
    return f"{counted} found: `audit_logger.py verify` names what is wrong"
