"""Move the messages of an address that was replaced to the new address, such as another person's mailbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from qt_audit.delivery.outbox.limits import MAX_AGE_S
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.reading.times import seconds_between


def take_over(outbox: Outbox, channels: Sequence[str], now: str) -> dict[tuple[str, str], int]:
    """Move undelivered messages of channels that are no longer configured to a new channel of their kind.

    Returns how many, by (old channel, new channel). A channel is new if it was never tried; any other got its
    own copy of each message. Messages older than 7 days stay where they are. The moves are durable.
    """
    new: dict[str, str] = {}
    for name in channels:
        if not outbox.state(name).tried:
            new.setdefault(_kind(name), name)
    moved: Counter[tuple[str, str]] = Counter()
    for item in (*outbox.parked(), *outbox.waiting()):
        successor = new.get(_kind(item.channel))
        loaded = None if successor is None or item.channel in channels else outbox.load(item)
        if loaded is not None and successor is not None and seconds_between(loaded.queued, now) <= MAX_AGE_S:
            outbox.move(item, loaded, successor, now)
            moved[item.channel, successor] += 1
    return dict(moved)


def _kind(name: str) -> str:
    return name.rpartition("-")[0]
