"""Make the summary of a period from the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from qt_audit.reading.clock import wrong_clocks
from qt_audit.reading.history import History
from qt_audit.record.clock import AHEAD
from qt_audit.record.entry import ENDINGS, Entry
from qt_audit.record.place import Place
from qt_audit.summary.contents import ChainHead, Summary, summarise, with_context
from qt_audit.summary.period import Period

_ENDING_BYTES = tuple(f'"outcome":"{outcome}"'.encode() for outcome in ENDINGS)


def make_summary(
    place: Place,
    period: Period,
    now: str,
    skipped: str = "",
    scheduled: bool = False,
    visit: Callable[[Entry], None] | None = None,
    details: bool | Callable[[bytes], dict[str, Any]] = False,
) -> Summary:
    """Summarise a period from the record. `now` is the present. Raises JournalError.

    `visit` is called with each entry; `details` says what its details hold, see History.window().
    """
    history = History(place)

    def ended_later(runs: set[str]) -> set[str]:
        return _runs_ended_after(history, runs, period.until)

    entries = history.window(period.since, period.until, details=details)
    summary = summarise(entries if visit is None else _visited(entries, visit), period, now, ended_later)
    end = history.head()
    head = ChainHead(end.seq, end.hash) if end is not None else None
    wrong = [one.text() for one in wrong_clocks(place) if one.concerns(period.since, period.until)]
    return with_context(summary, head, history.skipped, skipped, scheduled, tuple(wrong))


def _visited(entries: Iterator[Entry], see: Callable[[Entry], None]) -> Iterator[Entry]:
    for entry in entries:
        see(entry)
        yield entry


def why_not_recorded(place: Place, period: Period) -> str | None:
    """Why the record does not hold this whole period; None if it does. Raises JournalError.

    Before the first entry, or where retention removed entries, nobody knows what happened.
    """
    first = History(place).first()
    if first is None:
        return "there is no entry"
    ts = first_true_time(place, first)
    begin = ts[:7] if first.seq > 1 else ""  # seq > 1: retention removed whole months
    if period.until > ts and period.since >= begin:
        return None
    return f"the first entry that is there is of {ts}"


def first_true_time(place: Place, first: Entry) -> str:
    """The first entry's time, or when the clock returned if it was ahead then. Raises JournalError."""
    wrong = (one for one in wrong_clocks(place) if one.state == AHEAD)
    ahead = (one.returned for one in wrong if one.first_seq <= first.seq <= one.last_seq)
    return min([first.ts, *ahead])


def _runs_ended_after(history: History, runs: set[str], since: str) -> set[str]:
    """Which of the runs have an entry that ends them at or after `since`."""

    def may_end_a_run(line: bytes) -> bool:
        return b'"run":null' not in line and any(ending in line for ending in _ENDING_BYTES)

    found: set[str] = set()
    before = history.skipped  # only the lines of the period are counted
    for entry in history.window(since, line_filter=may_end_a_run, details=False):
        if entry.run in runs and entry.outcome in ENDINGS:
            found.add(entry.run)
            if len(found) == len(runs):
                break
    history.skipped = before
    return found
