"""A delivery of a test: an installation, channels that note what they get, and a clock that is handed in."""

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
    """A clock that moves when it is told to."""

    def __init__(self, start: str = "2026-11-22T10:00:00") -> None:
        self._moment = datetime.fromisoformat(start)

    def __call__(self) -> str:
        return f"{self._moment.isoformat(timespec='microseconds')}Z"

    def move(self, seconds: float) -> None:
        self._moment += timedelta(seconds=seconds)


@dataclass
class RecordingChannel:
    """A channel that answers as it is told, and notes what it took."""

    name: str = "recording-1"
    answers: list[SendResult] = field(default_factory=list)
    """To be given first, in this order."""
    always: SendResult = TAKEN
    taken: list[Message] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    attempts: int = 0
    parts: list[int] = field(default_factory=list)

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> SendResult:
        self.attempts += 1
        self.parts.append(done)
        answer = self.answers.pop(0) if self.answers else self.always
        if answer.state == SENT:
            self.taken.append(message)
            self.late.append(late_s)
        return answer

    @property
    def titles(self) -> list[str]:
        return [message.title.partition(": ")[2] for message in self.taken]


class Vps:
    """An installation below a directory, and its delivery."""

    def __init__(self, path: Path, *channels: RecordingChannel, rules: str = "", quiet: str = "") -> None:
        self.place = Place(str(path), home=True)
        self.channels: Sequence[RecordingChannel] = channels
        self.clock = ManualClock()
        self.recorded: list[tuple[str, str]] = []
        self._rules = parse_rules(rules)
        self._quiet = parse_quiet_hours(quiet)
        self.html: RenderHtml | None = None
        for descriptor in self.place.open():  # makes what is missing
            os.close(descriptor)

    def write(self, action: str, outcome: str = "failed", run: str | None = None, **details: Any) -> None:
        """Record an entry now."""
        self.append([draft(action, self.clock(), outcome, run=run, details=details)])

    def append(self, drafts: Sequence[Draft]) -> None:
        journal.append(self.place, drafts, 5.0)

    def deliver(self, rounds: int = 1) -> RoundResult:
        """What one run of `deliver` does, as one process."""
        with self.outbox() as outbox:
            delivery = self._delivering(outbox)
            total = RoundResult()
            for _ in range(rounds):
                total.add(delivery.run_round(60.0))
            return total

    def _delivering(self, outbox: Outbox) -> Delivery:
        names = [channel.name for channel in self.channels]
        gatherer = Gatherer(self.place, outbox, "vps", names, self._rules, self._quiet, self.html)
        sender = Sender(outbox, self.channels, 5.0, self.clock, self.clock.move)
        return Delivery(outbox, gatherer, sender, self.channels, "vps", self.clock, self._note)

    def _note(self, sentence: str, outcome: str, details: Any) -> None:
        self.recorded.append((sentence, outcome))
        self.append([draft(sentence, self.clock(), outcome, SOURCE, details=details)])

    @contextmanager
    def outbox(self) -> Iterator[Outbox]:
        with LockedOutbox(self.place, 5.0) as files:
            yield Outbox(files)

    @contextmanager
    def read_only_outbox(self) -> Iterator[Outbox]:
        with ReadOnlyDirectory(self.place) as files:
            yield Outbox(files)

    @property
    def outbox_path(self) -> Path:
        return Path(self.place.status_path) / "outbox"

    def entries(self) -> int:
        return History(self.place).count()


StartVps = Callable[..., Vps]
"""Makes an installation whose delivery has run once: the fixture `begun`."""
