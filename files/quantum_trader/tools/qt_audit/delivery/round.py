"""One round of delivery: gather what is new, keep the outbox small, send; and say what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from qt_audit.delivery.gathering.gather import Gathering
from qt_audit.delivery.message import Channel
from qt_audit.delivery.outbox import limits as bounds
from qt_audit.delivery.outbox import takeover as handover
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.send import Clock, Sending, Tally
from qt_audit.delivery.wording import messages as wording
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


class Delivering:
    """Delivers to the channels, round by round. `record` writes an entry of what went wrong."""

    def __init__(
        self,
        outbox: Outbox,
        gathering: Gathering,
        sending: Sending,
        channels: Sequence[Channel],
        host: str,
        clock: Clock,
        record: Record,
    ) -> None:
        self._outbox = outbox
        self._gathering = gathering
        self._sending = sending
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
            done.pause = self._gathering.run(self._clock())
        except OSError as error:  # what waits is sent all the same
            done.problems.append(reason(error))
        for line in self._gathering.said:
            self._record(f"Notification: {line}", "failed", {})
            self._notice("a message is not as it should be", line, self._channels)
            done.problems.append(line)
        self._gathering.said.clear()
        self._keep_small()
        done.tallies = self._sending.run(seconds)
        for name, tally in done.tallies.items():
            self._tell(name, tally)
            if tally.fault:
                done.problems.append(tally.fault)
        for name, count in bounds.give_up_old(self._outbox, self._channels, self._clock()).items():
            self._given_up(name, count, "not delivered within 7 days")
        return done

    def _hand_over(self) -> None:
        for (old, new), count in handover.to_new(self._outbox, self._channels, self._clock()).items():
            self._record(
                f"Notification: {_messages(count)} for {old} handed over to {new}, which is new",
                "info",
                {"channel": new, "from": old, "count": count},
            )

    def _keep_small(self) -> None:
        for name, count in bounds.merge(self._outbox, self._host, self._clock()).items():
            sentence = f"Notification: Merged {count} waiting messages for {name} into one"
            self._record(sentence, "info", {"channel": name, "count": count})
        for name, count in bounds.forget_parked(self._outbox).items():
            sentence = f"Notification: Removed {_messages(count)} for {name} that had been given up"
            self._record(sentence, "info", {"channel": name, "count": count})

    def _tell(self, name: str, tally: Tally) -> None:
        if tally.useless:
            self._given_up(name, tally.useless, "no message was in the file")
        if tally.disabled:
            self._record(
                f"Notification: Channel {name} disabled: {tally.disabled}", "failed", {"channel": name}
            )
            text = (
                f"{tally.disabled}. Nothing is sent there until `audit_logger.py notify_test {name}` gets"
                " through; `audit_logger.py deliver --retry` then sends what was given up."
            )
            self._notice(f"channel {name} is disabled", text, [one for one in self._channels if one != name])

    def _given_up(self, name: str, count: int, why: str) -> None:
        self._record(
            f"Notification: {_messages(count)} for {name} given up: {why}",
            "failed",
            {"channel": name, "count": count},
        )
        text = (
            f"{why.capitalize()}. `audit_logger.py deliver --list` shows what was given up, --retry sends it."
        )
        others = [one for one in self._channels if one != name]
        self._notice(f"{_messages(count)} for {name} given up", text, others)

    def _notice(self, what: str, text: str, channels: Sequence[str]) -> None:
        now = self._clock()
        usable = [name for name in channels if not self._outbox.state(name).disabled]
        self._outbox.put(wording.notice(what, text, self._host, now), usable, now)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
