"""Turn the summaries that the schedule filed into messages: each once, oldest first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox.directory import ReadOnlyDirectory
from qt_audit.delivery.wording import compose
from qt_audit.reading.clock import wrong_clocks
from qt_audit.record.clock import BACK
from qt_audit.record.place import Place
from qt_audit.record.state_directory import NAME as REPORTS
from qt_audit.summary import ledger
from qt_audit.summary.contents import ChainHead, Line, Listing, Summary
from qt_audit.summary.ledger import LedgerError
from qt_audit.summary.period import KINDS, Period, period_at

RenderHtml = Callable[[Summary], str]
"""Returns the HTML of a summary for a mail."""
ReportProblem = Callable[[str], None]
"""Takes one line about a message that cannot be sent as it should."""


def due(place: Place) -> dict[str, str]:
    """By kind of summary: the first day of the next period that the schedule will file.

    Kinds that the schedule has not begun are missing. Raises OSError.
    """
    data = _read(place, ledger.NAME)
    try:
        known = {} if data is None else ledger.decode(data)
    except LedgerError:  # the schedule repairs it
        return {}
    return {kind: f"{progress.next.first_day}" for kind, progress in known.items()}


def messages(
    place: Place,
    known: Mapping[str, str],
    began: str,
    host: str,
    html: RenderHtml | None,
    report_problem: ReportProblem,
) -> tuple[list[Message], dict[str, str]]:
    """The messages of all summaries filed since `known`, and the new value of Cursor.summaries.

    `html` makes the HTML of a summary; None sends text alone. `report_problem` gets a line for each summary
    that cannot be sent as it should. Raises OSError.
    """
    now_due, new_messages = due(place), []
    moved = dict(known)
    for kind in KINDS:
        if kind in now_due:
            first = known.get(kind, f"{period_at(kind, began).first_day}")
            if first > now_due[kind] and _was_ahead(place, first):  # the schedule went back with the clock
                first = f"{period_at(kind, now_due[kind]).before().first_day}"
            for period in _between(kind, first, now_due[kind]):
                new_messages += _message(place, period, host, html, report_problem)
            moved[kind] = max(first, now_due[kind])
    return new_messages, moved


def _was_ahead(place: Place, first_day: str) -> bool:
    """Whether the clock was ahead once, and came back before this day."""
    return any(one.state != BACK and first_day > one.returned[:10] for one in wrong_clocks(place))


def _between(kind: str, first_day: str, end: str) -> Iterator[Period]:
    period = period_at(kind, first_day)
    while f"{period.first_day}" < end:
        yield period
        period = period.next()


def _message(
    place: Place, period: Period, host: str, html: RenderHtml | None, report_problem: ReportProblem
) -> list[Message]:
    """The message of a filed summary. Empty if the schedule skipped it: the machine was off for too long."""
    data, text = _read(place, f"{period.name}.json"), _read(place, f"{period.name}.txt")
    if data is None or text is None:
        return []
    try:
        plain = json.loads(data)
        return [
            compose.summary_message(
                plain, text.decode("utf-8"), _page(plain, period, html, report_problem), host
            )
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        report_problem(
            f"{place.status_path}/reports/{period.name}.json is no summary; its message is not sent"
        )
        return []


def _read(place: Place, name: str) -> bytes | None:
    """The content of a file in status/reports; None if there is none.

    No lock is needed: each file is replaced in one step, and the ledger last.
    """
    try:
        with ReadOnlyDirectory(place, REPORTS) as reports:
            return reports.read(name)
    except FileNotFoundError:
        return None


def _page(
    plain: Mapping[str, Any], period: Period, html: RenderHtml | None, report_problem: ReportProblem
) -> str | None:
    """The HTML of a summary; None if there is no template, or if it fails, which is reported."""
    if html is None:
        return None
    try:
        return html(summary(plain, period))
    except Exception as error:  # a template may be the operator's own, and fail in any way
        report_problem(
            f"the HTML of {period.name} cannot be made ({type(error).__name__}); it is sent as text alone"
        )
        return None


def summary(plain: Mapping[str, Any], period: Period) -> Summary:
    """The summary of a period from its filed JSON. Raises KeyError or TypeError."""
    head = plain["head"]
    return Summary(
        period=period,
        as_of=plain["as_of"],
        entries=plain["entries"],
        actions=plain["actions"],
        by_outcome=dict(plain["by_outcome"]),
        by_source=dict(plain["by_source"]),
        failed=_listing(plain["failed"]),
        never_ended=_listing(plain["never_ended"]),
        recent=_listing(plain["recent"]),
        head=None if head is None else ChainHead(**head),
        unreadable=plain["unreadable"],
        skipped=plain["skipped"],
        scheduled=plain["scheduled"],
        clock=tuple(map(str, plain.get("clock", ()))),
    )


def _listing(plain: Mapping[str, Any]) -> Listing:
    return Listing(plain["count"], tuple(Line(**line) for line in plain["lines"]))
