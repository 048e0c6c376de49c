"""What keeps the outbox small: what waited too long is given up, and of too many the oldest are merged.

Nothing of it is silent: each says what it did, for the record and for the other channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox.queue import Outbox, QueueItem
from qt_audit.delivery.wording import compose
from qt_audit.reading.times import seconds_between

MOST_MESSAGES = 10_000
MOST_BYTES = 100 << 20
TOO_OLD_S = 7 * 86_400.0
STUBBORN = 8
"""So many failures in a row, over an hour of tries, are what a channel is given up for."""


def give_up_old(outbox: Outbox, channels: Collection[str], now: str) -> dict[str, int]:
    """Park what has waited for longer than 7 days for a channel that takes nothing; how many of each.

    A machine that was off for so long tries first, and for a while.
    """
    given_up: Counter[str] = Counter()
    for name in {item.channel for item in outbox.waiting()}:
        state = outbox.state(name)
        if state.failures >= STUBBORN or state.disabled or name not in channels:
            for item in outbox.waiting(name):
                loaded = outbox.load(item)
                if loaded is not None:  # any other is parked when its turn comes
                    if seconds_between(loaded.queued, now) <= TOO_OLD_S:
                        break  # those behind it have waited for less
                    outbox.park(item, "not delivered within 7 days")
                    given_up[name] += 1
    return dict(given_up)


def merge(outbox: Outbox, host: str, now: str) -> dict[str, int]:
    """Merge the older half of the routine messages of the fullest channel until all fit; how many of each."""
    merged: Counter[str] = Counter()
    while _too_many(waiting := outbox.waiting(), outbox):
        channel = Counter(item.channel for item in waiting).most_common(1)[0][0]
        count = _merge(outbox, channel, host, now)
        if not count:
            break
        merged[channel] += count
    return dict(merged)


def forget_parked(outbox: Outbox) -> dict[str, int]:
    """Remove the oldest of what was given up, where that alone is too much; how many of each channel."""
    parked = outbox.parked()
    size = outbox.size(parked)
    gone: list[QueueItem] = []
    for item in parked:
        if len(parked) - len(gone) <= MOST_MESSAGES and size <= MOST_BYTES:
            break
        size -= outbox.size([item])
        gone.append(item)
    outbox.done(*gone)
    return dict(Counter(item.channel for item in gone))


def _too_many(waiting: list[QueueItem], outbox: Outbox) -> bool:
    return len(waiting) > MOST_MESSAGES or outbox.size(waiting) > MOST_BYTES


def _merge(outbox: Outbox, channel: str, host: str, now: str) -> int:
    """The older half of what is routine: neither critical nor a summary."""
    routine = list(_routine(outbox, outbox.waiting(channel)))
    routine = routine[: max(2, len(routine) // 2)]
    if len(routine) < 2:
        return 0
    messages = [message for _, message in routine]
    one = compose.digest(messages, "too many were waiting", host, messages[-1].created)
    outbox.put(one, [channel], now, instead_of=routine[0][0])
    outbox.done(*(item for item, _ in routine))
    return len(routine)


def _routine(outbox: Outbox, items: list[QueueItem]) -> Iterator[tuple[QueueItem, Message]]:
    for item in items:
        loaded = outbox.load(item)
        if loaded is not None and loaded.message.severity != "critical" and loaded.message.kind != "summary":
            yield item, loaded.message
