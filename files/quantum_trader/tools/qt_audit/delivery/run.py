"""One run of `deliver`: the outbox is locked, and rounds follow each other while there is something to do."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from qt_audit.delivery import operator_rules
from qt_audit.delivery.gathering.gather import Gatherer
from qt_audit.delivery.gathering.summaries import Html
from qt_audit.delivery.message import Channel
from qt_audit.delivery.outbox.directory import LockedOutbox, ReadOnlyDirectory
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.round import Delivery, Round
from qt_audit.delivery.send import Sender
from qt_audit.record.entry import now
from qt_audit.record.head import Busy
from qt_audit.record.place import Place
from qt_audit.recorder import record
from qt_audit.settings.loading import Settings
from qt_audit.urgency import SOURCE

ROUND_S = 10.0
"""How long one round sends: then what is new meanwhile is looked for, for the other channels' sake."""
RUN_S, RUN_FOR_A_PERSON_S = 50.0, 3600.0
LOCK_WAIT_S = 60.0
_PEEK_S = 0.5


@contextmanager
def locked_outbox(home: Place, patient: bool) -> Iterator[Outbox | None]:
    """The outbox, locked. None where another run is at work, and sees what this one was woken for.

    `patient`: wait for the end of the other one, for a minute. Raises OSError if the outbox cannot be used.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    while (files := _lock_now(home)) is None:
        with ReadOnlyDirectory(home) as seen:
            woken = Outbox(seen).has_wake()
        if time.monotonic() > deadline or not (patient or woken):
            yield None
            return
        time.sleep(0.1)
    try:
        outbox = Outbox(files)
        outbox.tidy()
        yield outbox
    finally:
        files.__exit__(None, None, None)


def _lock_now(home: Place) -> LockedOutbox | None:
    with suppress(Busy):
        return LockedOutbox(home, 0.0).__enter__()
    return None


def run_rounds(outbox: Outbox, home: Place, channels: Sequence[Channel], settings: Settings) -> Round:
    """Gather and send while there is something to do now; what came of all rounds."""
    host, progress = os.uname().nodename, _Progress()
    gatherer = Gatherer(
        home,
        outbox,
        host,
        [channel.name for channel in channels],
        operator_rules.rules(settings),
        operator_rules.quiet_hours(settings),
        _mail_html(),
    )
    sender = Sender(outbox, channels, settings["QT_DELIVERY_TIMEOUT"], now, progress=progress.one_more)
    delivery = Delivery(outbox, gatherer, sender, channels, host, now, _record)
    total, end = Round(), time.monotonic() + (RUN_FOR_A_PERSON_S if sys.stdout.isatty() else RUN_S)
    while (left := end - time.monotonic()) > 0:
        done = delivery.round(min(ROUND_S, left))
        total.add(done)
        if done.problems or not (sender.can_go_on() or _woken(outbox, done.pause, end)):
            break
    progress.over()
    return total


def _woken(outbox: Outbox, pause: float | None, end: float) -> bool:
    """Whether there is something new now, or at the end of the pause that a breach waits for its repair."""
    until = time.monotonic() + (pause or 0.0)
    while not outbox.has_wake():
        if pause is None or until > end:
            return False
        if time.monotonic() >= until:
            return True
        time.sleep(_PEEK_S)
    return True


def _record(sentence: str, outcome: str, details: Mapping[str, object]) -> None:
    record(sentence, source=SOURCE, outcome=outcome, details=details, required=False)


def _mail_html() -> Html | None:
    """How a summary becomes HTML; None where the package for it is not installed: text is sent alone."""
    try:
        from qt_audit.render.html import mail_html
    except ImportError:
        return None
    return mail_html


class _Progress:
    """How many were sent, on a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._sent = 0
        self._next = 0.0

    def one_more(self) -> None:
        self._sent += 1
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.5
            print(f"\r… {self._sent} sent", end="", file=sys.stderr, flush=True)

    def over(self) -> None:
        if self._shown and self._next:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
