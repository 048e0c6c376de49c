"""File the summary of each finished period, and keep the ledger of the periods that are filed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from qt_audit.filing.pages import try_file_page
from qt_audit.filing.summaries import first_true_time, make_summary
from qt_audit.reading.clock import WrongClock, wrong_clocks
from qt_audit.reading.history import History
from qt_audit.record import journal
from qt_audit.record.clock import BACK
from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.render.text import render
from qt_audit.summary import ledger
from qt_audit.summary.contents import Summary
from qt_audit.summary.ledger import LedgerError, Progress
from qt_audit.summary.period import KINDS, Period, period_at

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process that files a summary."""
PAGES = ("weekly", "monthly")
"""Kinds of periods that get a page in addition to their summary."""

FiledSummary = tuple[dict[str, Any], str]
"""A filed summary: its plain data and its text."""


def seal(place: Place, period: Period, timeout: float) -> None:
    """Let no later entry fall into a finished period if the clock steps back a little. Raises OSError."""
    try:
        journal.seal(place, period.until, timeout)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"{place.record_path}: {period.label} cannot be closed ({reason})") from None


def file_summary(place: Place, summary: Summary) -> None:
    """File a summary that a person asked for; it replaces the one of its period. Raises OSError."""
    with StateDirectory(place, LOCK_TIMEOUT) as reports:
        filed = _read_filed(reports, summary.period)
        was_scheduled = filed is not None and bool(filed[0].get("scheduled"))
        _write_summary(reports, replace(summary, scheduled=was_scheduled))


def file_due(
    place: Place, kind: str, now: str, timeout: float, say: Callable[[str], None] = lambda line: None
) -> Iterator[FiledSummary]:
    """File each finished period that has no summary yet, oldest first; yield each summary after it is filed.

    `say` is called with one line about skipped periods or a damaged ledger. If several processes run this at
    once, one of them files a period; the lock is free while the caller uses a summary. Raises OSError; the
    summaries filed before stay filed.
    """
    while (done := _file_next_due(place, kind, now, timeout, say)) is not None:
        yield done


def begin_at(place: Place, now: str) -> None:
    """Where the schedule has not begun yet, begin it with the present periods. Raises OSError."""
    with StateDirectory(place, LOCK_TIMEOUT) as reports:
        ledger_progress = _load_ledger(reports, lambda _: None)
        for kind in KINDS:
            if kind not in ledger_progress:
                _store_progress(reports, ledger_progress, kind, Progress(period_at(kind, now)))


def _file_next_due(
    place: Place, kind: str, now: str, timeout: float, say: Callable[[str], None]
) -> FiledSummary | None:
    with StateDirectory(place, LOCK_TIMEOUT) as reports:
        ledger_progress = _load_ledger(reports, say)
        progress_before = ledger_progress.get(kind) or _initial_progress(place, reports, kind, now)
        progress = progress_before.without_old(now)
        if progress.next > period_at(kind, now):
            progress = _back_if_clock_was_ahead(place, reports, progress, now)
        if progress.skips != progress_before.skips:
            say(progress.skips[-1].text(kind))
        if progress != ledger_progress.get(kind):
            _store_progress(reports, ledger_progress, kind, progress)
        if not progress.next.finished(now):
            return None
        seal(place, progress.next, timeout)
        done = _file_period(place, reports, progress.next, now, progress, say)
        _store_progress(reports, ledger_progress, kind, progress.after_filing(progress.next))
        return done


def _back_if_clock_was_ahead(place: Place, reports: StateDirectory, progress: Progress, now: str) -> Progress:
    """The progress as the true time has it, if the schedule ran while the clock was ahead.

    The first period since then without a summary is due next. A clock that only stepped back changes nothing.
    """
    wrong = [one for one in wrong_clocks(place) if one.state != BACK and one.returned <= now]
    if not wrong or progress.next.since <= wrong[-1].returned:
        return progress
    period = period_at(progress.next.kind, wrong[-1].after or wrong[-1].returned)
    while period < period_at(period.kind, now) and _is_filed(reports, period, wrong):
        period = period.next()
    return replace(progress, next=period)


def _is_filed(reports: StateDirectory, period: Period, wrong: Sequence[WrongClock]) -> bool:
    """Whether the schedule filed the whole period, and not while the clock was ahead of it."""
    filed = _read_filed(reports, period)
    return filed is not None and _is_valid(filed[0], wrong)


def _is_valid(plain: dict[str, Any], wrong: Sequence[WrongClock]) -> bool:
    if not (plain.get("scheduled") and plain.get("complete")):
        return False
    head, as_of = plain.get("head"), plain.get("as_of")
    seq = head.get("seq") if isinstance(head, dict) else 0
    return not any(one.made_while_ahead(str(as_of), seq if type(seq) is int else 0) for one in wrong)


def _store_progress(
    reports: StateDirectory, ledger_progress: dict[str, Progress], kind: str, progress: Progress
) -> None:
    ledger_progress[kind] = progress
    reports.write(ledger.NAME, ledger.encode(ledger_progress))


def _file_period(
    place: Place,
    reports: StateDirectory,
    period: Period,
    now: str,
    progress: Progress,
    say: Callable[[str], None],
) -> FiledSummary:
    """File the summary and the page of a finished period, before the ledger moves on.

    After a crash this runs again for the same period, so each step leaves alone what is done already. A
    summary that the schedule filed is not replaced.
    """
    skip = progress.skip_before(period)
    skipped = skip.text(period.kind) if skip is not None else ""
    done = _read_filed(reports, period)
    if done is None or not _is_valid(done[0], wrong_clocks(place)):
        done = _write_summary(reports, make_summary(place, period, now, skipped, scheduled=True))
    if period.kind in PAGES:
        problem = try_file_page(place, reports, period, now, skipped)
        if problem:
            say(problem)
    return done


def _write_summary(reports: StateDirectory, summary: Summary) -> FiledSummary:
    """Write both files. The JSON is written last: if it exists, the text exists."""
    plain, text = summary.as_dict(), render(summary)
    name = summary.period.name
    reports.write(f"{name}.txt", text.encode("utf-8"))
    reports.write(f"{name}.json", (json.dumps(plain, indent=2) + "\n").encode("ascii"))
    return plain, text


def _read_filed(reports: StateDirectory, period: Period) -> FiledSummary | None:
    """The filed summary of a period; None if there is none, or if it is damaged."""
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


def _load_ledger(reports: StateDirectory, say: Callable[[str], None]) -> dict[str, Progress]:
    """The ledger. A damaged one is set aside, and each kind then begins after its newest filed summary."""
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


def _initial_progress(place: Place, reports: StateDirectory, kind: str, now: str) -> Progress:
    first = History(place).first()
    begin = first_true_time(place, first) if first is not None else None
    return ledger.initial_progress(kind, _newest_filed(reports, kind), begin, now)


def _newest_filed(reports: StateDirectory, kind: str) -> Period | None:
    """The newest period whose summary the schedule filed."""
    for name in reversed(reports.names()):
        if name.startswith(f"{kind}-") and name.endswith(".json"):
            period = _period_of(reports.read(name), kind)
            if period is not None:
                filed = _read_filed(reports, period)
                if filed is not None and filed[0].get("scheduled") and filed[0].get("complete"):
                    return period
    return None


def _period_of(data: bytes | None, kind: str) -> Period | None:
    try:
        return period_at(kind, json.loads(data or b"")["period"]["since"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
