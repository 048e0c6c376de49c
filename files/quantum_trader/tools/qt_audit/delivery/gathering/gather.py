"""Read the record from the cursor on, and queue messages about what somebody must know.

Only the record decides. So an entry is found even if its wake file was lost, the network was down for days,
or the entry was brought home later. The cursor moves on only after the messages are queued.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from qt_audit.delivery.gathering import summaries
from qt_audit.delivery.gathering.cursor import CURSOR, Cursor, CursorError, decode
from qt_audit.delivery.gathering.quiet_hours import QuietHours
from qt_audit.delivery.gathering.summaries import RenderHtml
from qt_audit.delivery.incidents.incident import Notification, coalesced
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

MAX_HELD = 1000
"""Messages that quiet hours hold. When there are more, the older half is merged into one."""
_BATCH = 5000
"""Entries after which the cursor is stored."""
_MAX_FIRST_ENTRIES = 1000
"""A first run begins with the entry in the wake file unless more entries than this follow it."""


class Gatherer:
    """Queues messages about new entries and summaries. `host` is the name of this machine in messages."""

    def __init__(
        self,
        place: Place,
        outbox: Outbox,
        host: str,
        channels: Sequence[str],
        rules: tuple[Rule, ...] = (),
        quiet: QuietHours | None = None,
        html: RenderHtml | None = None,
    ) -> None:
        self._place = place
        self._outbox = outbox
        self._host = host
        self._channels = channels
        self._rules = rules
        self._quiet = quiet
        self._html = html
        self.problems: list[str] = []
        """Problems of the last runs, one line each. The caller empties it."""

    def run(self, now: str) -> float | None:
        """Queue messages about everything that is new. They are durable when this returns.

        Returns the seconds until a delayed alert is due; None if none is delayed. The very first run begins
        now, or with the entry in the wake file: nothing before the first channel is sent. Raises OSError or
        JournalError; the next run queues the rest.
        """
        cursor = self._cursor(now)
        self._outbox.remove(WAKE)  # before reading: a later entry creates the file again
        for entries in _batches(self._new_entries(cursor)):
            notifications: list[Notification] = []
            for entry in entries:
                notifications += cursor.incidents.add_entry(_not_after(now, entry), self._rules)
            self._sync_segments()
            cursor.seq, cursor.ts = entries[-1].seq, entries[-1].ts
            self._queue_notifications(cursor, notifications, now)
        self._queue_notifications(cursor, cursor.incidents.due_notifications(now), now)
        before = cursor.summaries
        new_summaries, cursor.summaries = summaries.messages(
            self._place, before, cursor.began, self._host, self._html, self.problems.append
        )
        if new_summaries or cursor.summaries != before:
            self._queue(cursor, new_summaries, now)
        return cursor.incidents.next_due_s(now)

    def _cursor(self, now: str) -> Cursor:
        """The stored cursor, or a new one. A problem with the stored one is added to `problems`."""
        data = self._outbox.read(CURSOR)
        last = History(self._place).last(1)
        seq, ts = (last[0].seq, last[0].ts) if last else (0, "")
        try:
            if data is not None:
                cursor = decode(data)
                if cursor.seq <= seq:
                    return cursor
                self.problems.append(
                    f"the record ends with entry {seq}, and entry {cursor.seq} was read before;"
                    " run audit_logger.py verify"
                )
                cursor.seq, cursor.ts = seq, ts
                return cursor
        except CursorError as error:
            self._outbox.set_aside(CURSOR)
            self.problems.append(
                f"{CURSOR} in the outbox is damaged ({error}); it is begun anew, and entries of"
                " the last minutes before may be untold: audit_logger.py query --outcome failed"
            )
        seq, ts = self._before_waking_entry(seq, ts)
        cursor = Cursor(seq, ts, now, summaries=summaries.due(self._place))
        self._outbox.write(CURSOR, cursor.encoded())
        return cursor

    def _before_waking_entry(self, seq: int, ts: str) -> tuple[int, str]:
        """Number and time of the entry before the one in the wake file; `seq` and `ts` if it is unusable."""
        try:
            content = (self._outbox.read(WAKE) or b"").strip()
        except OSError:  # root is just writing it
            return seq, ts
        if not content.isdigit() or not 0 <= seq - int(content) < _MAX_FIRST_ENTRIES:
            return seq, ts
        entries = History(self._place).last(seq - int(content) + 2)
        before = [entry for entry in entries if entry.seq < int(content)]
        return (before[-1].seq, before[-1].ts) if before else (0, "")

    def _new_entries(self, cursor: Cursor) -> Iterator[Entry]:
        yield from History(self._place).after(cursor.seq, cursor.ts)

    def _sync_segments(self) -> None:
        """Make the entries that were read durable.

        Otherwise a power cut could remove one, and a later entry with its number would never be read.
        """
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
        messages = [
            compose.notification_message(item, self._host, now, head) for item in coalesced(notifications)
        ]
        self._queue(cursor, messages, now)

    def _queue(self, cursor: Cursor, messages: Sequence[Message], now: str) -> None:
        """Queue messages for every channel, then store the cursor. Quiet hours hold what is not critical."""
        holding = self._quiet is not None and self._quiet.contains(now)
        if not holding:
            for message in self._release(cursor.held, now):
                self._outbox.put(message, self._channels, now)
            cursor.held = []
        for message in messages:
            if holding and message.severity != "critical":
                cursor.held.append(message)
            else:
                self._outbox.put(message, self._channels, now)
        if len(cursor.held) > MAX_HELD:
            cursor.held = self._merge_oldest(cursor.held)
        data = cursor.encoded()
        if data != self._outbox.read(CURSOR):
            self._outbox.write(CURSOR, data)

    def _release(self, held: Sequence[Message], now: str) -> list[Message]:
        """The messages to send after quiet hours: one digest of the others, then each summary by itself."""
        held_summaries = [message for message in held if message.kind == "summary"]
        others = [message for message in held if message.kind != "summary"]
        if len(others) > 1:
            others = [compose.digest_message(others, "held in quiet hours", self._host, now)]
        return [*others, *held_summaries]

    def _merge_oldest(self, held: Sequence[Message]) -> list[Message]:
        """The held messages, the older half merged into one digest. Summaries stay as they are."""
        older, newer = held[: MAX_HELD // 2], held[MAX_HELD // 2 :]
        others = [message for message in older if message.kind != "summary"]
        digest = compose.digest_message(others, "held in quiet hours", self._host, others[-1].created)
        return [digest, *(message for message in older if message.kind == "summary"), *newer]


def _not_after(now: str, entry: Entry) -> Entry:
    """The entry, with `now` as its time if its own is later: the clock was ahead when it was written."""
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
