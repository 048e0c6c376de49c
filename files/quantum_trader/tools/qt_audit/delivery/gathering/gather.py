"""From the record to the outbox: read on from the cursor, and queue what somebody must know.

The record is the truth: what an entry said is found here also where its wake-up was lost, the network was
down for days, or the entry was brought home later. The cursor moves on only after what was found is queued.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from qt_audit.delivery.gathering import summaries
from qt_audit.delivery.gathering.cursor import CURSOR, Cursor, CursorError, decode
from qt_audit.delivery.gathering.incidents import Notification, coalesced
from qt_audit.delivery.gathering.quiet_hours import QuietHours
from qt_audit.delivery.gathering.summaries import Html
from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.wording import compose
from qt_audit.reading.history import History
from qt_audit.reading.window import END
from qt_audit.record import segments
from qt_audit.record.entry import Entry
from qt_audit.record.place import Place, open_file
from qt_audit.urgency import Rule
from qt_audit.wake import NAME as WAKE

MOST_HELD = 1000
"""Of more messages that quiet hours hold back, those that came first are merged."""
_BATCH = 5000
_MOST_AT_FIRST = 1000


class Gatherer:
    """Queues what is new for the channels. `host` is the name that messages bear."""

    def __init__(
        self,
        place: Place,
        outbox: Outbox,
        host: str,
        channels: Sequence[str],
        rules: tuple[Rule, ...] = (),
        quiet: QuietHours | None = None,
        html: Html | None = None,
    ) -> None:
        self._place = place
        self._outbox = outbox
        self._host = host
        self._channels = channels
        self._rules = rules
        self._quiet = quiet
        self._html = html
        self.problems: list[str] = []
        """What cannot be told as it should be, one line each; whoever reads it empties it."""

    def run(self, now: str) -> float | None:
        """Queue all that is new; after how many seconds more is to be told of a breach, if one waits.

        The very first run begins with the present, or with the entry that woke it: what was before a
        channel existed is not told. Raises OSError or JournalError; the next run queues what is then left.
        """
        cursor = self._cursor(now)
        self._outbox.remove(WAKE)  # before reading: who writes an entry from now on leaves another
        for entries in _batches(self._new(cursor)):
            notifications = [
                item for entry in entries for item in cursor.incidents.note(_until(now, entry), self._rules)
            ]
            self._settled()
            cursor.seq, cursor.ts = entries[-1].seq, entries[-1].ts
            self._queue_notifications(cursor, notifications, now)
        self._queue_notifications(cursor, cursor.incidents.note_time(now), now)
        before = cursor.summaries
        found, cursor.summaries = summaries.messages(
            self._place, before, cursor.began, self._host, self._html, self.problems.append
        )
        if found or cursor.summaries != before:
            self._queue(cursor, found, now)
        return cursor.incidents.next_due_s(now)

    def _cursor(self, now: str) -> Cursor:
        data = self._outbox.read(CURSOR)
        last = History(self._place).last(1)
        seq, ts = (last[0].seq, last[0].ts) if last else (0, "")
        try:
            if data is not None:
                found = decode(data)
                if found.seq <= seq:
                    return found
                self.problems.append(
                    f"the record ends with entry {seq}, and entry {found.seq} was read before;"
                    " run audit_logger.py verify"
                )
                found.seq, found.ts = seq, ts
                return found
        except CursorError as error:
            self._outbox.set_aside(CURSOR)
            self.problems.append(
                f"{CURSOR} in the outbox is damaged ({error}); it is begun anew, and entries of"
                " the last minutes before may be untold: audit_logger.py query --outcome failed"
            )
        seq, ts = self._woken_by(seq, ts)
        begun = Cursor(seq, ts, now, summaries=summaries.due(self._place))
        self._outbox.write(CURSOR, begun.encoded())
        return begun

    def _woken_by(self, seq: int, ts: str) -> tuple[int, str]:
        """The entry before the one that left the wake-up, if that is not long ago; else what is given."""
        try:
            said = (self._outbox.read(WAKE) or b"").strip()
        except OSError:  # just being written by root
            return seq, ts
        if not said.isdigit() or not 0 <= seq - int(said) < _MOST_AT_FIRST:
            return seq, ts
        entries = History(self._place).last(seq - int(said) + 2)
        before = [entry for entry in entries if entry.seq < int(said)]
        return (before[-1].seq, before[-1].ts) if before else (0, "")

    def _new(self, cursor: Cursor) -> Iterator[Entry]:
        yield from History(self._place).after(cursor.seq, cursor.ts)

    def _settled(self) -> None:
        """What was read is durable: else another entry could get its number after a power cut, unread."""
        record = self._place.open_existing()
        try:
            for name in segments.names(record)[-2:]:
                try:
                    segment, _ = open_file(name, record, os.O_RDONLY)
                except FileNotFoundError:  # archived, and durable
                    continue
                os.fsync(segment)
                os.close(segment)
        finally:
            os.close(record)

    def _queue_notifications(self, cursor: Cursor, notifications: Sequence[Notification], now: str) -> None:
        last = History(self._place).before(END) if notifications else None
        head = None if last is None else (last.entry.seq, last.hash)
        told = [compose.of_notification(item, self._host, now, head) for item in coalesced(notifications)]
        self._queue(cursor, told, now)

    def _queue(self, cursor: Cursor, messages: Sequence[Message], now: str) -> None:
        """Let them wait for every channel, in quiet hours only what is critical; then keep the cursor."""
        holding = self._quiet is not None and self._quiet.hold(now)
        if not holding:
            for message in self._released(cursor.held, now):
                self._outbox.put(message, self._channels, now)
            cursor.held = []
        for message in messages:
            if holding and message.severity != "critical":
                cursor.held.append(message)
            else:
                self._outbox.put(message, self._channels, now)
        if len(cursor.held) > MOST_HELD:
            cursor.held = self._fewer(cursor.held)
        data = cursor.encoded()
        if data != self._outbox.read(CURSOR):
            self._outbox.write(CURSOR, data)

    def _released(self, held: Sequence[Message], now: str) -> list[Message]:
        """What quiet hours held back: the summaries as they are, all else as one digest."""
        whole = [message for message in held if message.kind == "summary"]
        rest = [message for message in held if message.kind != "summary"]
        if len(rest) > 1:
            rest = [compose.digest(rest, "held in quiet hours", self._host, now)]
        return [*rest, *whole]

    def _fewer(self, held: Sequence[Message]) -> list[Message]:
        early, late = held[: MOST_HELD // 2], held[MOST_HELD // 2 :]
        rest = [message for message in early if message.kind != "summary"]
        one = compose.digest(rest, "held in quiet hours", self._host, rest[-1].created)
        return [one, *(message for message in early if message.kind == "summary"), *late]


def _until(now: str, entry: Entry) -> Entry:
    """The entry without a future: a clock that leapt ahead may have given it a time that has not come."""
    if entry.ts <= now:
        return entry
    return Entry(**{**entry.as_dict(), "ts": now})


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
