"""A new address takes over what waits for the one that it replaced, such as the mailbox of another person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from qt_audit.delivery.outbox.limits import TOO_OLD_S
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.reading.times import seconds_between


def take_over(outbox: Outbox, channels: Sequence[str], now: str) -> dict[tuple[str, str], int]:
    """Let new channels have what others of their kind, set no more, have not delivered.

    How many messages of (the old one, the new one). New is a channel that was never tried: one that was has
    had its own copy of each message. What is older than 7 days is not sent to it: that stays given up.
    """
    new: dict[str, str] = {}
    for name in channels:
        if not outbox.state(name).tried:
            new.setdefault(_kind(name), name)
    moved: Counter[tuple[str, str]] = Counter()
    for item in (*outbox.parked(), *outbox.waiting()):
        heir = new.get(_kind(item.channel))
        loaded = None if heir is None or item.channel in channels else outbox.load(item)
        if loaded is not None and heir is not None and seconds_between(loaded.queued, now) <= TOO_OLD_S:
            outbox.give(item, loaded, heir, now)
            moved[item.channel, heir] += 1
    return dict(moved)


def _kind(name: str) -> str:
    return name.rpartition("-")[0]
