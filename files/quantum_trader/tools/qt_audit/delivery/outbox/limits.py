"""Limits of the outbox: messages that wait too long are parked, and too many are merged into one.

Each function returns what it did, so that the caller can record it and report it on the other channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox.queue import Outbox, QueueItem
from qt_audit.delivery.wording import compose
from qt_audit.reading.times import seconds_between

MAX_MESSAGES = 10_000
MAX_BYTES = 100 << 20
MAX_AGE_S = 7 * 86_400.0
MIN_FAILURES = 8
"""Failures in a row, more than an hour of attempts, before messages of a channel may be given up."""


def give_up_old(outbox: Outbox, channels: Collection[str], now: str) -> dict[str, int]:
    """Park messages older than 7 days of channels that cannot be delivered to.

    Returns how many, by channel. A machine that was off for 7 days tries first: only a channel that is
    disabled, no longer configured or failed MIN_FAILURES times is concerned. What is parked is durable.
    """
    given_up: Counter[str] = Counter()
    for name in {item.channel for item in outbox.waiting()}:
        state = outbox.state(name)
        if state.failures >= MIN_FAILURES or state.disabled or name not in channels:
            for item in outbox.waiting(name):
                loaded = outbox.load(item)
                if loaded is not None:  # the sender parks a file that cannot be read
                    if seconds_between(loaded.queued, now) <= MAX_AGE_S:
                        break  # the following ones are younger
                    outbox.park(item, "not delivered within 7 days")
                    given_up[name] += 1
    return dict(given_up)


def merge(outbox: Outbox, host: str, now: str) -> dict[str, int]:
    """While the outbox is too full, merge the older half of the fullest channel's routine messages.

    Returns how many messages were merged, by channel.
    """
    merged: Counter[str] = Counter()
    while _too_many(waiting := outbox.waiting(), outbox):
        channel = Counter(item.channel for item in waiting).most_common(1)[0][0]
        count = _merge(outbox, channel, host, now)
        if not count:
            break
        merged[channel] += count
    return dict(merged)


def forget_parked(outbox: Outbox) -> dict[str, int]:
    """Remove the oldest parked messages while there are too many of them. Returns how many, by channel."""
    parked = outbox.parked()
    size = outbox.size(parked)
    gone: list[QueueItem] = []
    for item in parked:
        if len(parked) - len(gone) <= MAX_MESSAGES and size <= MAX_BYTES:
            break
        size -= outbox.size([item])
        gone.append(item)
    outbox.delete(*gone)
    return dict(Counter(item.channel for item in gone))


def _too_many(waiting: list[QueueItem], outbox: Outbox) -> bool:
    return len(waiting) > MAX_MESSAGES or outbox.size(waiting) > MAX_BYTES


def _merge(outbox: Outbox, channel: str, host: str, now: str) -> int:
    """Merge the older half of a channel's routine messages into one digest. Returns how many these were."""
    routine = list(_routine(outbox, outbox.waiting(channel)))
    routine = routine[: max(2, len(routine) // 2)]
    if len(routine) < 2:
        return 0
    messages = [message for _, message in routine]
    digest = compose.digest_message(messages, "too many were waiting", host, messages[-1].created)
    outbox.put(digest, [channel], now, instead_of=routine[0][0])
    outbox.delete(*(item for item, _ in routine))
    return len(routine)


def _routine(outbox: Outbox, items: list[QueueItem]) -> Iterator[tuple[QueueItem, Message]]:
    """Messages that are neither critical nor a summary."""
    for item in items:
        loaded = outbox.load(item)
        if loaded is not None and loaded.message.severity != "critical" and loaded.message.kind != "summary":
            yield item, loaded.message
