"""Send what waits: oldest first, each channel on a thread of its own, so that none delays another."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, Answer, Channel
from qt_audit.delivery.outbox import backoff
from qt_audit.delivery.outbox.queue import Outbox, QueuedMessage, QueueItem
from qt_audit.reading.times import seconds_between
from qt_audit.record.warning import reason

PATIENCE_S = 5.0
"""A pause up to this is waited for; a longer one is left to a later run."""
_MARGIN_S = 30.0
Clock = Callable[[], str]
Pause = Callable[[float], None]
_chance = random.SystemRandom()


@dataclass
class Tally:
    """What became of the messages of a channel."""

    sent: int = 0
    failed: str = ""
    """What came back last, where a message could not be delivered now."""
    disabled: str = ""
    """Why the channel was disabled."""
    unreadable: int = 0
    """Files that held no message, and were parked."""
    fault: str = ""
    """Why the outbox could not be used."""

    def add(self, later: Tally) -> None:
        """Take what became of later messages into this one."""
        self.sent += later.sent
        self.unreadable += later.unreadable
        self.failed = later.failed
        self.disabled = later.disabled or self.disabled
        self.fault = later.fault or self.fault


class Sender:
    """Sends what waits for the channels. `clock` gives the present as entries write it."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Sequence[Channel],
        timeout: float,
        clock: Clock,
        pause: Pause = time.sleep,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        """`timeout`: seconds that one message may take. `progress` is called after each that was taken."""
        self._outbox = outbox
        self._channels = channels
        self._timeout = timeout
        self._clock = clock
        self._pause = pause
        self._progress = progress
        self._one = threading.Lock()
        self.stuck: set[str] = set()
        """Channels that did not come back, against their promise."""

    def run(self, seconds: float) -> dict[str, Tally]:
        """Send what can be sent within so many seconds; what came of each channel, by its name."""
        tallies, deadline = {}, time.monotonic() + seconds
        threads = []
        for channel in self._channels:
            if channel.name in self.stuck or not self._outbox.waiting(channel.name):
                continue
            tally = tallies[channel.name] = Tally()
            thread = threading.Thread(target=self._serve, args=(channel, tally, deadline), daemon=True)
            threads.append((channel.name, thread))
            thread.start()
        for name, thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()) + self._timeout + _MARGIN_S)
            if thread.is_alive():  # against its promise; it dies with this process
                self.stuck.add(name)
                tallies[name].failed = "the channel does not come back"
        with self._one:
            self._outbox.save()
        return tallies

    def can_go_on(self) -> bool:
        """Whether something waits that could be sent now."""
        present = self._clock()
        return any(self._usable(channel.name, present) for channel in self._channels)

    def _usable(self, name: str, present: str) -> bool:
        state = self._outbox.state(name)
        paused = bool(state.disabled) or name in self.stuck or state.pause(present) > PATIENCE_S
        return not paused and bool(self._outbox.waiting(name))

    def _serve(self, channel: Channel, tally: Tally, deadline: float) -> None:
        try:
            with self._one:
                waiting = self._outbox.waiting(channel.name)
            for item in waiting:
                if not self._deliver(channel, item, tally, deadline):
                    return
        except OSError as error:
            tally.fault = reason(error)

    def _deliver(self, channel: Channel, item: QueueItem, tally: Tally, deadline: float) -> bool:
        """Try one until it is taken or given up; False where it stays, and with it those behind it."""
        while self._may_go_on(channel.name, deadline):
            loaded = self._outbox.load(item)
            if loaded is None:
                with self._one:
                    self._outbox.park(item, "this file holds no message")
                tally.unreadable += 1
                return True
            answer = self._sent(channel, loaded)
            with self._one:
                self._settle(channel.name, item, loaded, answer, tally)
            if answer.state == SENT:
                self._progress()
                return True
        return False

    def _may_go_on(self, name: str, deadline: float) -> bool:
        """Whether the channel may be tried now; waits for it where that does not take long."""
        state = self._outbox.state(name)
        pause = state.pause(self._clock())
        left = deadline - time.monotonic()
        if state.disabled or pause > min(PATIENCE_S, left) or left <= 0:
            return False
        if pause:
            self._pause(pause)
        return True

    def _sent(self, channel: Channel, loaded: QueuedMessage) -> Answer:
        message, state = loaded.message, self._outbox.state(channel.name)
        late = max(0.0, seconds_between(message.created, self._clock()))
        try:
            return channel.send(message, self._timeout, late, state.parts_of(message.id))
        except Exception as error:  # a fault of one channel must not stop the others
            return Answer(TRANSIENT, f"the channel itself failed ({type(error).__name__})")

    def _settle(
        self, name: str, item: QueueItem, loaded: QueuedMessage, answer: Answer, tally: Tally
    ) -> None:
        state = backoff.after(
            self._outbox.state(name), loaded.message.id, answer, self._clock(), _chance.random()
        )
        self._outbox.note(name, state)
        if answer.state == SENT:
            self._outbox.done(item)
            tally.sent, tally.failed = tally.sent + 1, ""
            return
        tally.failed = answer.says
        if answer.state == PERMANENT:
            tally.disabled = answer.says
            self._outbox.park(item, answer.says)
        self._outbox.save()
