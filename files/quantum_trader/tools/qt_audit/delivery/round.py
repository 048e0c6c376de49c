"""One round of delivery: gather what is new, keep the outbox small, send; and say what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from qt_audit.delivery.gathering.gather import Gatherer
from qt_audit.delivery.message import Channel
from qt_audit.delivery.outbox import limits, takeover
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.send import Clock, Sender, Tally
from qt_audit.delivery.wording import compose
from qt_audit.record.warning import reason

Record = Callable[[str, str, Mapping[str, object]], None]
"""Writes an entry: the sentence, the outcome, the details."""


@dataclass
class Round:
    """What came of it."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """What went wrong elsewhere, one line each."""
    pause: float | None = None
    """After how many seconds more is to be told of a breach."""

    def add(self, later: Round) -> None:
        """Take what came of a later round into this one."""
        for name, tally in later.tallies.items():
            self.tallies.setdefault(name, Tally()).add(tally)
        self.problems += later.problems


class Delivery:
    """Delivers to the channels, round by round. `record` writes an entry of what went wrong."""

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

    def round(self, seconds: float) -> Round:
        """One round, which sends for about so many seconds. Raises OSError if the outbox cannot be used."""
        done = Round()
        self._outbox.take_enabled()
        self._hand_over()
        try:
            done.pause = self._gatherer.run(self._clock())
        except OSError as error:  # what waits is sent all the same
            done.problems.append(reason(error))
        for line in self._gatherer.problems:
            self._record(f"Notification: {line}", "failed", {})
            self._notice("unsound", self._channels, why=line)
            done.problems.append(line)
        self._gatherer.problems.clear()
        self._keep_small()
        done.tallies = self._sender.run(seconds)
        for name, tally in done.tallies.items():
            self._tell(name, tally)
            if tally.fault:
                done.problems.append(tally.fault)
        for name, count in limits.give_up_old(self._outbox, self._channels, self._clock()).items():
            self._given_up(name, count, "not delivered within 7 days")
        return done

    def _hand_over(self) -> None:
        for (old, new), count in takeover.take_over(self._outbox, self._channels, self._clock()).items():
            self._record(
                f"Notification: {_messages(count)} for {old} handed over to {new}, which is new",
                "info",
                {"channel": new, "from": old, "count": count},
            )

    def _keep_small(self) -> None:
        for name, count in limits.merge(self._outbox, self._host, self._clock()).items():
            sentence = f"Notification: Merged {count} waiting messages for {name} into one"
            self._record(sentence, "info", {"channel": name, "count": count})
        for name, count in limits.forget_parked(self._outbox).items():
            sentence = f"Notification: Removed {_messages(count)} for {name} that had been given up"
            self._record(sentence, "info", {"channel": name, "count": count})

    def _tell(self, name: str, tally: Tally) -> None:
        if tally.unreadable:
            self._given_up(name, tally.unreadable, "no message was in the file")
        if tally.disabled:
            self._record(
                f"Notification: Channel {name} disabled: {tally.disabled}", "failed", {"channel": name}
            )
            others = [one for one in self._channels if one != name]
            self._notice("disabled", others, channel=name, why=tally.disabled)

    def _given_up(self, name: str, count: int, why: str) -> None:
        self._record(
            f"Notification: {_messages(count)} for {name} given up: {why}",
            "failed",
            {"channel": name, "count": count},
        )
        others = [one for one in self._channels if one != name]
        self._notice("given_up", others, channel=name, messages=_messages(count), why=why.capitalize())

    def _notice(self, kind: str, channels: Sequence[str], **facts: str) -> None:
        now = self._clock()
        usable = [name for name in channels if not self._outbox.state(name).disabled]
        self._outbox.put(compose.about_delivery(kind, self._host, now, **facts), usable, now)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
