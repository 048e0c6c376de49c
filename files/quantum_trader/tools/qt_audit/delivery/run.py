"""One run of `deliver`: lock the outbox, and run rounds while there is something to do."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from qt_audit.delivery import operator_rules
from qt_audit.delivery.gathering.gather import Gatherer
from qt_audit.delivery.gathering.summaries import RenderHtml
from qt_audit.delivery.message import Channel
from qt_audit.delivery.outbox.directory import LockedOutbox, ReadOnlyDirectory
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.round import Delivery, RoundResult
from qt_audit.delivery.send import Sender
from qt_audit.record.entry import now
from qt_audit.record.head import Busy
from qt_audit.record.place import Place
from qt_audit.recorder import record
from qt_audit.settings.loading import Settings
from qt_audit.urgency import SOURCE

ROUND_S = 10.0
"""Seconds that one round sends. New entries are read between rounds, even if one channel is slow."""
RUN_S, RUN_ON_TERMINAL_S = 50.0, 3600.0
"""Seconds that a run starts new rounds: by cron, and on a terminal."""
LOCK_WAIT_S = 60.0
_WAKE_CHECK_S = 0.5
"""Seconds between two checks for the wake file."""


@contextmanager
def locked_outbox(home: Place, patient: bool) -> Iterator[Outbox | None]:
    """A context with the locked outbox, or with None if another run holds the lock and does the work.

    It waits up to LOCK_WAIT_S for the other run to end if `patient`, or while there is a wake file, which the
    other run may not have seen. Raises OSError if the outbox cannot be used.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    while (files := _lock_now(home)) is None:
        with ReadOnlyDirectory(home) as other_files:
            woken = Outbox(other_files).has_wake()
        if time.monotonic() > deadline or not (patient or woken):
            yield None
            return
        time.sleep(0.1)
    try:
        outbox = Outbox(files)
        outbox.remove_temporary_files()
        yield outbox
    finally:
        files.__exit__(None, None, None)


def _lock_now(home: Place) -> LockedOutbox | None:
    with suppress(Busy):
        return LockedOutbox(home, 0.0).__enter__()
    return None


def run_rounds(outbox: Outbox, home: Place, channels: Sequence[Channel], settings: Settings) -> RoundResult:
    """Run rounds while there is something to do now. Returns the result of all rounds."""
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
    sender = Sender(outbox, channels, settings["QT_DELIVERY_TIMEOUT"], now, progress=progress.message_sent)
    delivery = Delivery(outbox, gatherer, sender, channels, host, now, _record)
    total, end = RoundResult(), time.monotonic() + (RUN_ON_TERMINAL_S if sys.stdout.isatty() else RUN_S)
    while (left := end - time.monotonic()) > 0:
        result = delivery.run_round(min(ROUND_S, left))
        total.add(result)
        if result.problems or not (sender.has_sendable() or _has_new_work(outbox, result.pause, end)):
            break
    progress.clear()
    return total


def _has_new_work(outbox: Outbox, pause: float | None, end: float) -> bool:
    """Whether there is a wake file now, or within `pause` seconds, or a delayed alert is due after them.

    Waits for the end of the pause, but not longer than `end` (time.monotonic()). None: no alert is delayed.
    """
    until = time.monotonic() + (pause or 0.0)
    while not outbox.has_wake():
        if pause is None or until > end:
            return False
        if time.monotonic() >= until:
            return True
        time.sleep(_WAKE_CHECK_S)
    return True


def _record(sentence: str, outcome: str, details: Mapping[str, object]) -> None:
    record(sentence, source=SOURCE, outcome=outcome, details=details, required=False)


def _mail_html() -> RenderHtml | None:
    """The function that makes the HTML of a summary; None if the package for it is not installed."""
    try:
        from qt_audit.render.html import mail_html
    except ImportError:
        return None
    return mail_html


class _Progress:
    """Shows the number of sent messages on a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._sent = 0
        self._next = 0.0

    def message_sent(self) -> None:
        self._sent += 1
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.5
            print(f"\r… {self._sent} sent", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown and self._next:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
