"""From the record to the outbox: read on from the cursor, and queue what somebody must know.

The record is the truth: what an entry said is found here also where its wake-up was lost, the network was
down for days, or the entry was brought home later. The cursor moves on only after what was found is queued.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qt_audit import ledger
from qt_audit.delivery import policy, wording
from qt_audit.delivery.incidents import Book, Incident, News
from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox import Outbox
from qt_audit.delivery.quiet import QuietHours
from qt_audit.entry import Entry
from qt_audit.history import History
from qt_audit.ledger import LedgerError
from qt_audit.period import KINDS, Period, at
from qt_audit.place import Place
from qt_audit.reports import Reports

_BATCH = 5000
Html = Callable[[Mapping[str, Any]], str]


@dataclass
class Cursor:
    """How far the record and the filed summaries were read."""

    seq: int
    ts: str
    book: Book
    summaries: dict[str, str]
    """Of each kind: the first day of the next period whose summary is to be sent."""
    held: list[Message]
    """Held back by quiet hours."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "ts": self.ts,
            "incidents": [incident.as_dict() for incident in self.book.incidents.values()],
            "summaries": self.summaries,
            "held": [message.as_dict() for message in self.held],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Cursor:
        """Raises KeyError, TypeError or ValueError for what as_dict() did not give."""
        incidents = [Incident.from_dict(item) for item in plain["incidents"]]
        held = [Message.from_dict(item) for item in plain["held"]]
        book = Book({incident.subject: incident for incident in incidents})
        return cls(int(plain["seq"]), str(plain["ts"]), book, dict(plain["summaries"]), held)


class Gathering:
    """One pass over what is new. `now` is the present, `host` the name that messages bear."""

    def __init__(
        self,
        place: Place,
        outbox: Outbox,
        host: str,
        now: str,
        channels: Sequence[str],
        html: Html | None = None,
    ) -> None:
        self._place = place
        self._outbox = outbox
        self._host = host
        self._now = now
        self._channels = channels
        self._html = html

    def run(self, rules: tuple[policy.Rule, ...], quiet: QuietHours | None) -> int:
        """Queue all that is new; how many messages. Raises OSError or JournalError.

        The very first pass begins with the present: what was before a channel existed is no news.
        """
        wakes = self._outbox.wakes()
        cursor = self._cursor()
        queued = 0
        for entries in _batches(self._new(cursor)):
            news = [item for entry in entries for item in cursor.book.take(entry, rules)]
            cursor.seq, cursor.ts = entries[-1].seq, entries[-1].ts
            queued += self._queue(cursor, [self._told(item) for item in news], quiet)
            self._outbox.move(cursor.as_dict())
        messages = [self._told(item) for item in cursor.book.wait(self._now)]
        messages += self._summaries(cursor)
        queued += self._queue(cursor, messages, quiet)
        self._outbox.move(cursor.as_dict())
        self._outbox.forget_wakes(wakes)
        return queued

    def _cursor(self) -> Cursor:
        plain = self._outbox.cursor()
        if plain is not None:
            try:
                return Cursor.from_dict(plain)
            except (KeyError, TypeError, ValueError):
                pass  # damaged: as at the beginning, which may leave out what was new, and says nothing twice
        last = History(self._place).last(1)
        seq, ts = (last[0].seq, last[0].ts) if last else (0, "")
        return Cursor(seq, ts, Book(), self._due_next(), [])

    def _new(self, cursor: Cursor) -> Iterator[Entry]:
        for entry in History(self._place).window(cursor.ts or "0"):
            if entry.seq > cursor.seq:
                yield entry

    def _told(self, news: News) -> Message:
        last = History(self._place).before("9")
        head = None if last is None else (last.entry.seq, last.hash)
        return wording.of_news(news, self._host, self._now, head)

    def _queue(self, cursor: Cursor, messages: Sequence[Message], quiet: QuietHours | None) -> int:
        """Let them wait for every channel; in quiet hours only what is critical."""
        holding = quiet is not None and quiet.hold(self._now)
        put = 0
        if cursor.held and not holding:
            late = cursor.held
            one = (
                late[0]
                if len(late) == 1
                else wording.digest(late, "held in quiet hours", self._host, self._now)
            )
            self._outbox.put(one, self._channels)
            cursor.held, put = [], 1
        for message in messages:
            if holding and message.severity != "critical" and self._channels:
                cursor.held.append(message)
            else:
                self._outbox.put(message, self._channels)
                put += 1
        return put if self._channels else 0

    def _summaries(self, cursor: Cursor) -> list[Message]:
        """The summaries that the schedule filed since the last pass, oldest first."""
        due, found = self._due_next(), []
        for kind in KINDS:
            if kind not in due:
                continue
            period, end = _period(kind, cursor.summaries.get(kind, due[kind])), _period(kind, due[kind])
            while period < end:
                found += self._summary(period)
                period = period.next()
            cursor.summaries[kind] = due[kind]
        return found

    def _summary(self, period: Period) -> list[Message]:
        """The message of a filed summary; none if it was not filed: days switched off for too long."""
        with Reports(self._place, 60.0) as reports:
            data, text = reports.read(f"{period.name}.json"), reports.read(f"{period.name}.txt")
        if data is None or text is None:
            return []
        try:
            plain = json.loads(data)
            html = None if self._html is None else self._html(plain)
            return [wording.of_summary(plain, text.decode("utf-8"), html, self._host)]
        except (ValueError, KeyError, TypeError, IndexError):
            return []

    def _due_next(self) -> dict[str, str]:
        """Of each kind that the schedule has begun: the first day of the period that is due next."""
        with Reports(self._place, 60.0) as reports:
            data = reports.read(ledger.NAME)
        try:
            known = {} if data is None else ledger.decode(data)
        except LedgerError:
            return {}
        return {kind: f"{progress.next.first_day}" for kind, progress in known.items()}


def _period(kind: str, first_day: str) -> Period:
    return at(kind, first_day)


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
