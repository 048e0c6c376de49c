"""Send queued messages, oldest first. Each channel has its own thread, so that none delays another."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, Channel, SendResult
from qt_audit.delivery.outbox import backoff
from qt_audit.delivery.outbox.queue import Outbox, QueuedMessage, QueueItem
from qt_audit.reading.times import seconds_between
from qt_audit.record.warning import reason

MAX_WAIT_S = 5.0
"""Seconds. A shorter pause of a channel is waited for; after a longer one a later run tries again."""
_MARGIN_S = 30.0
"""Seconds after its timeout when a channel counts as stuck."""
Clock = Callable[[], str]
Sleep = Callable[[float], None]
_random = random.SystemRandom()


@dataclass
class ChannelResult:
    """The results of a channel's attempts in one or several rounds."""

    sent: int = 0
    """Messages delivered."""
    failed: str = ""
    """The last attempt's error; empty if the last attempt succeeded."""
    disabled: str = ""
    """Why the channel was disabled; empty if it was not."""
    unreadable: int = 0
    """Files that held no message and were parked."""
    fault: str = ""
    """Why the outbox could not be used; empty if it could."""

    def add(self, later: ChannelResult) -> None:
        """Add the results of a later round to these."""
        self.sent += later.sent
        self.unreadable += later.unreadable
        self.failed = later.failed
        self.disabled = later.disabled or self.disabled
        self.fault = later.fault or self.fault


class Sender:
    """Sends the queued messages of the channels. `clock` returns the present, written as in entries."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Sequence[Channel],
        timeout: float,
        clock: Clock,
        sleep: Sleep = time.sleep,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        """`timeout`: seconds that one attempt may take. `progress` is called after each delivered message."""
        self._outbox = outbox
        self._channels = channels
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._progress = progress
        self._lock = threading.Lock()
        self.stuck: set[str] = set()
        """Channels whose send() did not return after its timeout. They are not used again."""

    def run(self, seconds: float) -> dict[str, ChannelResult]:
        """Start attempts for about `seconds`. Returns the results by the channel's name.

        A failure is durable before the channel's next attempt; a success at the end. Raises OSError if the
        outbox cannot be written.
        """
        channel_results, deadline = {}, time.monotonic() + seconds
        threads = []
        for channel in self._channels:
            if channel.name in self.stuck or not self._outbox.waiting(channel.name):
                continue
            channel_result = channel_results[channel.name] = ChannelResult()
            thread = threading.Thread(
                target=self._send_queue, args=(channel, channel_result, deadline), daemon=True
            )
            threads.append((channel.name, thread))
            thread.start()
        for name, thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()) + self._timeout + _MARGIN_S)
            if thread.is_alive():  # it ends with this process
                self.stuck.add(name)
                channel_results[name].failed = "the channel does not come back"
        with self._lock:
            self._outbox.save()
        return channel_results

    def has_sendable(self) -> bool:
        """Whether a message is queued for a channel that can be used now."""
        present = self._clock()
        return any(self._usable(channel.name, present) for channel in self._channels)

    def _usable(self, name: str, present: str) -> bool:
        state = self._outbox.state(name)
        paused = bool(state.disabled) or name in self.stuck or state.pause(present) > MAX_WAIT_S
        return not paused and bool(self._outbox.waiting(name))

    def _send_queue(self, channel: Channel, channel_result: ChannelResult, deadline: float) -> None:
        try:
            with self._lock:
                waiting = self._outbox.waiting(channel.name)
            for item in waiting:
                if not self._deliver(channel, item, channel_result, deadline):
                    return
        except OSError as error:
            channel_result.fault = reason(error)

    def _deliver(
        self, channel: Channel, item: QueueItem, channel_result: ChannelResult, deadline: float
    ) -> bool:
        """Try a message until it is delivered. Returns whether the channel's next message may be tried."""
        while self._is_ready(channel.name, deadline):
            loaded = self._outbox.load(item)
            if loaded is None:
                with self._lock:
                    self._outbox.park(item, "this file holds no message")
                channel_result.unreadable += 1
                return True
            result = self._attempt(channel, loaded)
            with self._lock:
                self._apply_result(channel.name, item, loaded, result, channel_result)
            if result.state == SENT:
                self._progress()
                return True
        return False

    def _is_ready(self, name: str, deadline: float) -> bool:
        """Whether the channel may be tried now. Waits for the end of a pause up to MAX_WAIT_S."""
        state = self._outbox.state(name)
        pause = state.pause(self._clock())
        left = deadline - time.monotonic()
        if state.disabled or pause > min(MAX_WAIT_S, left) or left <= 0:
            return False
        if pause:
            self._sleep(pause)
        return True

    def _attempt(self, channel: Channel, loaded: QueuedMessage) -> SendResult:
        message, state = loaded.message, self._outbox.state(channel.name)
        late = max(0.0, seconds_between(message.created, self._clock()))
        try:
            return channel.send(message, self._timeout, late, state.parts_sent(message.id))
        except Exception as error:  # a fault of one channel must not stop the others
            return SendResult(TRANSIENT, f"the channel itself failed ({type(error).__name__})")

    def _apply_result(
        self,
        name: str,
        item: QueueItem,
        loaded: QueuedMessage,
        result: SendResult,
        channel_result: ChannelResult,
    ) -> None:
        state = backoff.next_state(
            self._outbox.state(name), loaded.message.id, result, self._clock(), _random.random()
        )
        self._outbox.set_state(name, state)
        if result.state == SENT:
            self._outbox.delete(item)
            channel_result.sent, channel_result.failed = channel_result.sent + 1, ""
            return
        channel_result.failed = result.says
        if result.state == PERMANENT:
            channel_result.disabled = result.says
            self._outbox.park(item, result.says)
        self._outbox.save()
