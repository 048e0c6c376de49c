"""Send what waits: oldest first, each channel on a thread of its own, so that none delays another."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qt_audit.delivery import backoff, wording
from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, Answer, Channel, Message
from qt_audit.delivery.outbox import MOST_BYTES, MOST_MESSAGES, Outbox, Waiting
from qt_audit.times import seconds_between

TOO_OLD_S = 7 * 86_400.0
BUDGET_S = 600.0
"""How long one pass may take: what is left then is the next one's."""
Clock = Callable[[], str]
_chance = random.SystemRandom()


@dataclass
class Tally:
    """What one pass did with a channel."""

    sent: int = 0
    parked: int = 0
    disabled: str = ""
    """Why the channel was disabled in this pass."""


class Sending:
    """One pass over what waits for the channels. `clock` gives the present as entries write it."""

    def __init__(
        self, outbox: Outbox, channels: Sequence[Channel], host: str, timeout: float, clock: Clock
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._host = host
        self._timeout = timeout
        self._clock = clock
        self._one = threading.Lock()

    def run(self) -> dict[str, Tally]:
        """Send what can be sent now. What came of each channel, by its name."""
        tallies = {channel.name: Tally() for channel in self._channels}
        deadline = time.monotonic() + BUDGET_S
        threads = [
            threading.Thread(target=self._serve, args=(channel, tallies[channel.name], deadline), daemon=True)
            for channel in self._channels
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return tallies

    def bound(self) -> int:
        """Merge the oldest routine messages of a channel that has too many into one; how many those were."""
        merged = 0
        for channel in self._channels:
            waiting = self._outbox.waiting(channel.name)
            size = self._outbox.bytes(waiting)
            if len(waiting) > MOST_MESSAGES or size > MOST_BYTES:
                merged += self._merge(channel.name, waiting)
        return merged

    def _merge(self, channel: str, waiting: Sequence[Waiting]) -> int:
        """The older half, without what is critical."""
        oldest = [(item, self._outbox.message(item)) for item in waiting[: max(2, len(waiting) // 2)]]
        routine = [(item, message) for item, message in oldest if message and message.severity != "critical"]
        if len(routine) < 2:
            return 0
        messages = [message for _, message in routine]
        self._outbox.put(
            wording.digest(messages, "too many were waiting", self._host, messages[-1].created), [channel]
        )
        for item, _ in routine:
            self._outbox.done(item)
        return len(routine)

    def _serve(self, channel: Channel, tally: Tally, deadline: float) -> None:
        with self._one:
            waiting = self._outbox.waiting(channel.name)
        for item in waiting:
            state = self._outbox.state(channel.name)
            if time.monotonic() >= deadline or state.disabled or state.next_try > self._clock():
                return
            message = self._outbox.message(item)
            late = 0.0 if message is None else max(0.0, seconds_between(message.created, self._clock()))
            if message is None or late > TOO_OLD_S:
                why = "this file is no message" if message is None else "not delivered within 7 days"
                with self._one:
                    self._outbox.park(item, why)
                tally.parked += 1
            elif not self._send(channel, item, message, late, tally):
                return

    def _send(self, channel: Channel, waiting: Waiting, message: Message, late: float, tally: Tally) -> bool:
        """Send one; whether the next may follow at once."""
        try:
            answer = channel.send(message, self._timeout, late)
        except Exception as error:  # a fault of one channel must not stop the others
            answer = Answer(TRANSIENT, f"the channel itself failed ({type(error).__name__})")
        with self._one:
            if answer.state == SENT:
                self._outbox.done(waiting)
                tally.sent += 1
            elif answer.state == PERMANENT:
                self._outbox.park(waiting, answer.says)
                tally.parked += 1
                tally.disabled = answer.says
            before = self._outbox.state(channel.name)
            self._outbox.note(channel.name, backoff.after(before, answer, self._clock(), _chance.random()))
        return answer.state == SENT
