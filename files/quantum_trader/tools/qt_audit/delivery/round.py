"""One round of delivery: queue new messages, apply the outbox's limits, send, report problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from qt_audit.delivery.gathering.gather import Gatherer
from qt_audit.delivery.message import Channel
from qt_audit.delivery.outbox import limits, takeover
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.send import ChannelResult, Clock, Sender
from qt_audit.delivery.wording import compose
from qt_audit.record.warning import reason

Record = Callable[[str, str, Mapping[str, object]], None]
"""Writes an entry: sentence, outcome, details."""


@dataclass
class RoundResult:
    """The result of one or several rounds."""

    channel_results: dict[str, ChannelResult] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """Problems other than failed attempts, one line each."""
    pause: float | None = None
    """Seconds until a delayed alert is due; None if none is delayed."""

    def add(self, later: RoundResult) -> None:
        """Add the result of a later round to this one."""
        for name, channel_result in later.channel_results.items():
            self.channel_results.setdefault(name, ChannelResult()).add(channel_result)
        self.problems += later.problems


class Delivery:
    """Delivers to the channels, round by round. `record` writes entries about the delivery itself."""

    def __init__(
        self,
        outbox: Outbox,
        gatherer: Gatherer,
        sender: Sender,
        channels: Sequence[Channel],
        host: str,
        clock: Clock,
        record: Record,
    ) -> None:
        self._outbox = outbox
        self._gatherer = gatherer
        self._sender = sender
        self._channels = [channel.name for channel in channels]
        self._host = host
        self._clock = clock
        self._record = record

    def run_round(self, seconds: float) -> RoundResult:
        """Run one round, which sends for about `seconds`. Raises OSError if the outbox cannot be used."""
        total = RoundResult()
        self._outbox.apply_enabled()
        self._take_over()
        try:
            total.pause = self._gatherer.run(self._clock())
        except OSError as error:  # queued messages are sent all the same
            total.problems.append(reason(error))
        for line in self._gatherer.problems:
            self._record(f"Notification: {line}", "failed", {})
            self._queue_notice("unsound", self._channels, why=line)
            total.problems.append(line)
        self._gatherer.problems.clear()
        self._apply_limits()
        total.channel_results = self._sender.run(seconds)
        for name, result in total.channel_results.items():
            self._report_result(name, result)
            if result.fault:
                total.problems.append(result.fault)
        for name, count in limits.give_up_old(self._outbox, self._channels, self._clock()).items():
            self._report_given_up(name, count, "not delivered within 7 days")
        return total

    def _take_over(self) -> None:
        for (old, new), count in takeover.take_over(self._outbox, self._channels, self._clock()).items():
            self._record(
                f"Notification: {_messages(count)} for {old} handed over to {new}, which is new",
                "info",
                {"channel": new, "from": old, "count": count},
            )

    def _apply_limits(self) -> None:
        for name, count in limits.merge(self._outbox, self._host, self._clock()).items():
            sentence = f"Notification: Merged {count} waiting messages for {name} into one"
            self._record(sentence, "info", {"channel": name, "count": count})
        for name, count in limits.forget_parked(self._outbox).items():
            sentence = f"Notification: Removed {_messages(count)} for {name} that had been given up"
            self._record(sentence, "info", {"channel": name, "count": count})

    def _report_result(self, name: str, channel_result: ChannelResult) -> None:
        if channel_result.unreadable:
            self._report_given_up(name, channel_result.unreadable, "no message was in the file")
        if channel_result.disabled:
            self._record(
                f"Notification: Channel {name} disabled: {channel_result.disabled}",
                "failed",
                {"channel": name},
            )
            others = [other for other in self._channels if other != name]
            self._queue_notice("disabled", others, channel=name, why=channel_result.disabled)

    def _report_given_up(self, name: str, count: int, why: str) -> None:
        self._record(
            f"Notification: {_messages(count)} for {name} given up: {why}",
            "failed",
            {"channel": name, "count": count},
        )
        others = [other for other in self._channels if other != name]
        self._queue_notice("given_up", others, channel=name, messages=_messages(count), why=why.capitalize())

    def _queue_notice(self, kind: str, channels: Sequence[str], **facts: str) -> None:
        now = self._clock()
        usable = [name for name in channels if not self._outbox.state(name).disabled]
        self._outbox.put(compose.problem_message(kind, self._host, now, **facts), usable, now)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
