"""How the delivery statuses: of each channel what waits, what was given up, and what came back last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qt_audit.delivery.outbox.queue import Outbox, QueueItem
from qt_audit.reading.times import seconds_between


@dataclass(frozen=True)
class ChannelStatus:
    """A channel. Times are as entries write them, or empty."""

    name: str
    configured: bool
    """Whether the settings name it; what waits for any other is sent nowhere."""
    waiting: int
    oldest: str
    """Since when the oldest message waits."""
    parked: int
    disabled: str
    failures: int
    next_try: str
    says: str
    sent: int
    last_sent: str

    @property
    def well(self) -> bool:
        return not (self.waiting or self.parked or self.disabled)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def of_channels(outbox: Outbox, configured: Sequence[str]) -> list[ChannelStatus]:
    """Each channel: those of the settings first, then others that something is kept for."""
    kept = {item.channel for item in (*outbox.waiting(), *outbox.parked())}
    enabled = set(outbox.enabled())
    return [
        _of(outbox, name, name in configured, name in enabled)
        for name in (*configured, *sorted(kept - set(configured)))
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


def never_used(name: str) -> ChannelStatus:
    """A channel that nothing was ever sent to."""
    return ChannelStatus(name, True, 0, "", 0, "", 0, "", "", 0, "")


def listed(outbox: Outbox) -> Iterator[dict[str, Any]]:
    """Each message that waits or was given up, oldest first."""
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


def age_s(status: ChannelStatus, now: str) -> float:
    """For how many seconds its oldest message has waited."""
    return max(0.0, seconds_between(status.oldest, now)) if status.oldest else 0.0
