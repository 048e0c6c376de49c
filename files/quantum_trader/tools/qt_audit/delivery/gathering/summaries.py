"""The summaries that the schedule filed, as messages: each once, oldest first."""

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

Html = Callable[[Summary], str]
Say = Callable[[str], None]


def due(place: Place) -> dict[str, str]:
    """Of each kind that the schedule has begun: the first day of what is due next. Raises OSError."""
    data = _read(place, ledger.NAME)
    try:
        known = {} if data is None else ledger.decode(data)
    except LedgerError:  # the schedule mends it
        return {}
    return {kind: f"{progress.next.first_day}" for kind, progress in known.items()}


def messages(
    place: Place, known: Mapping[str, str], began: str, host: str, html: Html | None, say: Say
) -> tuple[list[Message], dict[str, str]]:
    """The summaries that were filed since `known`, and what is known now: as in Cursor.summaries.

    `say` is told of what cannot be sent as it should. Raises OSError.
    """
    now_due, found = due(place), []
    moved = dict(known)
    for kind in KINDS:
        if kind in now_due:
            first = known.get(kind, f"{period_at(kind, began).first_day}")
            if first > now_due[kind] and _was_ahead(place, first):  # the schedule went back with the clock
                first = f"{period_at(kind, now_due[kind]).before().first_day}"
            for period in _between(kind, first, now_due[kind]):
                found += _message(place, period, host, html, say)
            moved[kind] = max(first, now_due[kind])
    return found, moved


def _was_ahead(place: Place, first_day: str) -> bool:
    """Whether the clock was ahead once, and came back before this day."""
    return any(one.state != BACK and first_day > one.returned[:10] for one in wrong_clocks(place))


def _between(kind: str, first_day: str, end: str) -> Iterator[Period]:
    period = period_at(kind, first_day)
    while f"{period.first_day}" < end:
        yield period
        period = period.next()


def _message(place: Place, period: Period, host: str, html: Html | None, say: Say) -> list[Message]:
    """The message of a filed summary; none if it was skipped: days switched off for too long."""
    data, text = _read(place, f"{period.name}.json"), _read(place, f"{period.name}.txt")
    if data is None or text is None:
        return []
    try:
        plain = json.loads(data)
        return [compose.of_summary(plain, text.decode("utf-8"), _page(plain, period, html, say), host)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        say(f"{place.status_path}/reports/{period.name}.json is no summary; its message is not sent")
        return []


def _read(place: Place, name: str) -> bytes | None:
    """A file's content; None if there is none. No lock: each is put there in one step, the ledger last."""
    try:
        with ReadOnlyDirectory(place, REPORTS) as reports:
            return reports.read(name)
    except FileNotFoundError:
        return None


def _page(plain: Mapping[str, Any], period: Period, html: Html | None, say: Say) -> str | None:
    """The HTML form; None, and a word of it, where the template fails: then the text alone is sent."""
    if html is None:
        return None
    try:
        return html(summary(plain, period))
    except Exception as error:  # templates may be the operator's, and fail in any way
        say(f"the HTML of {period.name} cannot be made ({type(error).__name__}); it is sent as text alone")
        return None


def summary(plain: Mapping[str, Any], period: Period) -> Summary:
    """The summary of a period from its filed form. Raises KeyError or TypeError."""
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
