"""File the summary of each period that is over, and keep the ledger of what the schedule has done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from qt_audit.filing.pages import file_on_the_way
from qt_audit.filing.summaries import make
from qt_audit.reading.history import History
from qt_audit.record import journal
from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.render.text import render
from qt_audit.summary import ledger
from qt_audit.summary.contents import Summary, with_context
from qt_audit.summary.ledger import LedgerError, Progress
from qt_audit.summary.period import KINDS, Period, at

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another summary that is being made."""
PAGES = ("weekly", "monthly")
"""Kinds of periods that get a page beside their summary."""

Filed = tuple[dict[str, Any], str]
"""A summary as it was filed: its plain data and its text."""


def seal(place: Place, period: Period, timeout: float) -> None:
    """Let no later entry fall into a finished period, whatever the clock does. Raises OSError."""
    try:
        journal.seal(place, period.until, timeout)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"{place.record_path}: {period.label} cannot be closed ({reason})") from None


def file_one(place: Place, summary: Summary) -> None:
    """File a summary that was asked for by hand, in place of what is there for its period. Raises OSError."""
    with StateDirectory(place, LOCK_TIMEOUT) as reports:
        there = _filed(reports, summary.period)
        was_scheduled = there is not None and bool(there[0].get("scheduled"))
        _file(
            reports, with_context(summary, summary.head, summary.unreadable, summary.skipped, was_scheduled)
        )


def run_due(
    place: Place, kind: str, now: str, timeout: float, say: Callable[[str], None] = lambda line: None
) -> Iterator[Filed]:
    """Summarise each finished period that has no summary yet, oldest first; each is given once it is done.

    `say` is told in one line what was skipped, or mended. Of those who come at the same time one
    makes the summary; none is kept waiting by what another does with it. Raises OSError; what is
    done then stays done.
    """
    while (done := _next_due(place, kind, now, timeout, say)) is not None:
        yield done


def begin_at(place: Place, now: str) -> None:
    """Make nothing due that ended before now, where the schedule has not begun yet. Raises OSError."""
    with StateDirectory(place, LOCK_TIMEOUT) as reports:
        book = _load(reports, lambda _: None)
        for kind in KINDS:
            if kind not in book:
                _store(reports, book, kind, Progress(at(kind, now)))


def _next_due(place: Place, kind: str, now: str, timeout: float, say: Callable[[str], None]) -> Filed | None:
    with StateDirectory(place, LOCK_TIMEOUT) as reports:
        book = _load(reports, say)
        known = book.get(kind) or _begin(place, reports, kind, now)
        progress = known.without_old(now)
        if progress.skips != known.skips:
            say(progress.skips[-1].says(kind))
        if progress != book.get(kind):
            _store(reports, book, kind, progress)
        if not progress.next.finished(now):
            return None
        seal(place, progress.next, timeout)
        done = _publish(place, reports, progress.next, now, progress, say)
        _store(reports, book, kind, progress.behind(progress.next))
        return done


def _store(reports: StateDirectory, book: dict[str, Progress], kind: str, progress: Progress) -> None:
    book[kind] = progress
    reports.write(ledger.NAME, ledger.encode(book))


def _publish(
    place: Place,
    reports: StateDirectory,
    period: Period,
    now: str,
    progress: Progress,
    say: Callable[[str], None],
) -> Filed:
    """Everything that must happen once for a finished period, before the ledger moves on.

    A crash before the ledger has moved on brings us here again for the same period: so each
    step leaves alone what it finds done. A summary that was filed stays as it is.
    """
    skip = progress.skip_before(period)
    skipped = skip.says(period.kind) if skip is not None else ""
    done = _filed(reports, period)
    if done is None or not (done[0].get("scheduled") and done[0].get("complete")):
        done = _file(reports, make(place, period, now, skipped, scheduled=True))
    if period.kind in PAGES:
        problem = file_on_the_way(place, reports, period, now, skipped)
        if problem:
            say(problem)
    return done


def _file(reports: StateDirectory, summary: Summary) -> Filed:
    """Write both forms; the JSON comes last: where it is, the text is."""
    plain, text = summary.as_dict(), render(summary)
    name = summary.period.name
    reports.write(f"{name}.txt", text.encode("utf-8"))
    reports.write(f"{name}.json", (json.dumps(plain, indent=2) + "\n").encode("ascii"))
    return plain, text


def _filed(reports: StateDirectory, period: Period) -> Filed | None:
    """What is filed for a period; None if it is not, or of no use."""
    data, text = reports.read(f"{period.name}.json"), reports.read(f"{period.name}.txt")
    if data is None or text is None:
        return None
    try:
        plain = json.loads(data)
        if (
            isinstance(plain, dict)
            and plain["period"]["name"] == period.name
            and type(plain["entries"]) is int
        ):
            return plain, text.decode("utf-8")
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return None


def _load(reports: StateDirectory, say: Callable[[str], None]) -> dict[str, Progress]:
    """The ledger; one that is damaged is set aside, and each kind begins behind what is filed."""
    data = reports.read(ledger.NAME)
    if data is None:
        return {}
    try:
        return ledger.decode(data)
    except LedgerError as error:
        reports.set_aside(ledger.NAME, f"{ledger.NAME}.damaged")
        say(
            f"{reports.path}/{ledger.NAME}: {error}; begun anew behind the summaries filed beside it,"
            f" the old one is kept as {ledger.NAME}.damaged"
        )
        return {}


def _begin(place: Place, reports: StateDirectory, kind: str, now: str) -> Progress:
    first = History(place).first()
    return ledger.begun(kind, _newest_filed(reports, kind), first.ts if first is not None else None, now)


def _newest_filed(reports: StateDirectory, kind: str) -> Period | None:
    """The newest period whose summary the schedule filed."""
    for name in reversed(reports.names()):
        if name.startswith(f"{kind}-") and name.endswith(".json"):
            period = _period_of(reports.read(name), kind)
            if period is not None:
                filed = _filed(reports, period)
                if filed is not None and filed[0].get("scheduled") and filed[0].get("complete"):
                    return period
    return None


def _period_of(data: bytes | None, kind: str) -> Period | None:
    try:
        return at(kind, json.loads(data or b"")["period"]["since"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
