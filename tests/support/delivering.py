"""An installation and its delivery for tests, with recording channels and a clock that the test sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from qt_audit.delivery.gathering.gather import Gatherer
from qt_audit.delivery.gathering.quiet_hours import parse_quiet_hours
from qt_audit.delivery.gathering.summaries import RenderHtml
from qt_audit.delivery.message import SENT, Message, SendResult
from qt_audit.delivery.outbox.directory import LockedOutbox, ReadOnlyDirectory
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.round import Delivery, RoundResult
from qt_audit.delivery.send import Sender
from qt_audit.reading.history import History
from qt_audit.record import journal
from qt_audit.record.entry import Draft
from qt_audit.record.place import Place
from qt_audit.urgency import SOURCE, parse_rules
from tests.support.records import draft

TAKEN = SendResult(SENT, "taken with 200", 200)


class ManualClock:
    """A clock that moves only when the test moves it. A call returns the time, written as in entries."""

    def __init__(self, start: str = "2026-11-22T10:00:00") -> None:
        self._moment = datetime.fromisoformat(start)

    def __call__(self) -> str:
        return f"{self._moment.isoformat(timespec='microseconds')}Z"

    def move(self, seconds: float) -> None:
        self._moment += timedelta(seconds=seconds)


@dataclass
class RecordingChannel:
    """A channel that returns the results that a test sets, and records the messages that it accepts."""

    name: str = "recording-1"
    results: list[SendResult] = field(default_factory=list)
    """Results of the first attempts, in this order."""
    always: SendResult = TAKEN
    """The result of all later attempts."""
    taken: list[Message] = field(default_factory=list)
    """The messages that it accepted."""
    late: list[float] = field(default_factory=list)
    """The delay of each of them in seconds."""
    attempts: int = 0
    parts: list[int] = field(default_factory=list)
    """By attempt: the number of parts that were delivered before."""

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> SendResult:
        self.attempts += 1
        self.parts.append(done)
        result = self.results.pop(0) if self.results else self.always
        if result.state == SENT:
            self.taken.append(message)
            self.late.append(late_s)
        return result

    @property
    def titles(self) -> list[str]:
        """The titles of the accepted messages, without the host."""
        return [message.title.partition(": ")[2] for message in self.taken]


class Vps:
    """An installation in a directory, and its delivery."""

    def __init__(self, path: Path, *channels: RecordingChannel, rules: str = "", quiet: str = "") -> None:
        self.place = Place(str(path), home=True)
        self.channels: Sequence[RecordingChannel] = channels
        self.clock = ManualClock()
        self.recorded: list[tuple[str, str]] = []
        self._rules = parse_rules(rules)
        self._quiet = parse_quiet_hours(quiet)
        self.html: RenderHtml | None = None
        for descriptor in self.place.open():  # creates the directories
            os.close(descriptor)

    def write(self, action: str, outcome: str = "failed", run: str | None = None, **details: Any) -> None:
        """Record an entry now."""
        self.append([draft(action, self.clock(), outcome, run=run, details=details)])

    def append(self, drafts: Sequence[Draft]) -> None:
        journal.append(self.place, drafts, 5.0)

    def deliver(self, rounds: int = 1) -> RoundResult:
        """Run rounds as one run of `deliver` does. Returns their result."""
        with self.outbox() as outbox:
            delivery = self._delivery(outbox)
            total = RoundResult()
            for _ in range(rounds):
                total.add(delivery.run_round(60.0))
            return total

    def _delivery(self, outbox: Outbox) -> Delivery:
        names = [channel.name for channel in self.channels]
        gatherer = Gatherer(self.place, outbox, "vps", names, self._rules, self._quiet, self.html)
        sender = Sender(outbox, self.channels, 5.0, self.clock, self.clock.move)
        return Delivery(outbox, gatherer, sender, self.channels, "vps", self.clock, self._record)

    def _record(self, sentence: str, outcome: str, details: Any) -> None:
        self.recorded.append((sentence, outcome))
        self.append([draft(sentence, self.clock(), outcome, SOURCE, details=details)])

    @contextmanager
    def outbox(self) -> Iterator[Outbox]:
        """The outbox, locked."""
        with LockedOutbox(self.place, 5.0) as files:
            yield Outbox(files)

    @contextmanager
    def read_only_outbox(self) -> Iterator[Outbox]:
        """The outbox without the lock."""
        with ReadOnlyDirectory(self.place) as files:
            yield Outbox(files)

    @property
    def outbox_path(self) -> Path:
        return Path(self.place.status_path) / "outbox"

    def entries(self) -> int:
        """The number of entries in the record."""
        return History(self.place).count()


StartVps = Callable[..., Vps]
"""The fixture `start_vps`: returns an installation whose delivery has run once."""
