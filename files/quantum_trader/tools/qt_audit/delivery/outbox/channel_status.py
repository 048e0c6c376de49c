"""The status of each channel for people: queued and parked messages, and the result of the last attempt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qt_audit.delivery.outbox.queue import Outbox, QueueItem
from qt_audit.reading.times import seconds_between


@dataclass(frozen=True)
class ChannelStatus:
    """The status of a channel. Times are written as in entries, or empty."""

    name: str
    configured: bool
    """Whether the settings name it. Otherwise its messages are not sent."""
    waiting: int
    """Number of queued messages."""
    oldest: str
    """Since when the oldest of them is queued."""
    parked: int
    """Number of messages that were given up."""
    disabled: str
    failures: int
    next_try: str
    says: str
    sent: int
    last_sent: str

    @property
    def well(self) -> bool:
        """Whether nothing is queued or parked, and the channel is in use."""
        return not (self.waiting or self.parked or self.disabled)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def channel_statuses(outbox: Outbox, configured: Sequence[str]) -> list[ChannelStatus]:
    """The status of each configured channel, then of any other that has messages in the outbox."""
    with_messages = {item.channel for item in (*outbox.waiting(), *outbox.parked())}
    enabled = set(outbox.enabled())
    return [
        _of(outbox, name, name in configured, name in enabled)
        for name in (*configured, *sorted(with_messages - set(configured)))
    ]


def _of(outbox: Outbox, name: str, configured: bool, enabled: bool) -> ChannelStatus:
    waiting, state = outbox.waiting(name), outbox.state(name)
    loaded = outbox.load(waiting[0]) if waiting else None
    return ChannelStatus(
        name,
        configured,
        len(waiting),
        loaded.queued if loaded is not None else "",
        len(outbox.parked(name)),
        "" if enabled else state.disabled,
        state.failures,
        state.next_try,
        state.says,
        state.sent,
        state.last_sent,
    )


def unused_channel(name: str) -> ChannelStatus:
    """The status of a configured channel that was never used."""
    return ChannelStatus(name, True, 0, "", 0, "", 0, "", "", 0, "")


def list_messages(outbox: Outbox) -> Iterator[dict[str, Any]]:
    """Each queued message, then each parked one, oldest first, as JSON objects."""
    for item in (*outbox.waiting(), *outbox.parked()):
        yield {"state": item.state, "channel": item.channel, **_described(outbox, item)}


def _described(outbox: Outbox, item: QueueItem) -> dict[str, Any]:
    loaded = outbox.load(item)
    if loaded is None:
        return {"id": item.id, "queued": None, "title": None, "why": "this file holds no message"}
    message = loaded.message
    return {
        "id": message.id,
        "queued": loaded.queued,
        "created": message.created,
        "kind": message.kind,
        "severity": message.severity,
        "title": message.title,
        "why": loaded.parked or None,
    }


def oldest_age_s(status: ChannelStatus, now: str) -> float:
    """Seconds that its oldest message has been queued; 0 if there is none."""
    return max(0.0, seconds_between(status.oldest, now)) if status.oldest else 0.0
