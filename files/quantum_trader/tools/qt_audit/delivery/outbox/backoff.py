"""The state of a channel after each attempt, and the backoff until the next one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from qt_audit.delivery import stored_data
from qt_audit.delivery.message import SENT, TRANSIENT, SendResult
from qt_audit.reading.times import seconds_between

FIRST_PAUSE_S, MAX_PAUSE_S = 15.0, 3600.0
MIN_REQUESTED_S, MAX_REQUESTED_S = 0.2, 86_400.0
"""Bounds, in seconds, of a pause that a receiver asks for."""
_GAP_S = 2 * MAX_PAUSE_S
"""After so many seconds without an attempt the machine was off, so failures are counted anew."""
_TRUSTED_REQUESTS = 5
"""Failures in a row up to which a pause that the receiver asks for replaces ours; then the longer counts."""


@dataclass(frozen=True)
class ChannelState:
    """What channels.json stores of a channel. Times are written as in entries, or empty."""

    failures: int = 0
    """Transient failures in a row."""
    tried: str = ""
    """Time of the last attempt."""
    next_try: str = ""
    """Time before which it is not tried again."""
    disabled: str = ""
    """Why nothing is sent until `notify_test` succeeds; empty while the channel is in use."""
    says: str = ""
    """The result of the last attempt, one line."""
    sent: int = 0
    """Messages delivered so far."""
    last_sent: str = ""
    begun: str = ""
    """The id of the message of which only some parts were delivered."""
    done: int = 0
    """Number of those parts."""

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ChannelState:
        """The state that asdict() returned. Raises TypeError or ValueError for other data."""
        state = cls(**plain)
        for number in (state.failures, state.sent, state.done):
            stored_data.count(number)
        for text in (state.disabled, state.says, state.begun):
            stored_data.text(text)
        for instant in (state.tried, state.next_try, state.last_sent):
            if instant != "":
                stored_data.instant(instant)
        return state

    def pause(self, now: str) -> float:
        """Seconds until the next attempt; 0 if the clock was set back to before the last one."""
        if not self.next_try or now < self.tried:
            return 0.0
        return max(0.0, seconds_between(now, self.next_try))

    def parts_sent(self, id: str) -> int:
        """Number of parts of this message that were delivered."""
        return self.done if id == self.begun else 0


def next_state(
    state: ChannelState, message: str, result: SendResult, now: str, jitter: float
) -> ChannelState:
    """The state of a channel after an attempt to send `message` (its id).

    The pause doubles with each failure, up to an hour. `jitter`, 0 to 1, spreads the attempts of many hosts.
    A pause that the receiver asks for is respected.
    """
    if result.state == SENT:
        next_try = _later(now, min(result.retry_after, MAX_REQUESTED_S)) if result.retry_after else ""
        return ChannelState(
            tried=now, next_try=next_try, says=result.says, sent=state.sent + 1, last_sent=now
        )
    tried = replace(
        state, tried=now, says=result.says, begun=message if result.done else "", done=result.done
    )
    if result.state == TRANSIENT:
        gap = bool(state.tried) and seconds_between(state.tried, now) > _GAP_S + state.pause(state.tried)
        failures = 1 if gap else state.failures + 1
        return replace(tried, failures=failures, next_try=_later(now, _pause(failures, result, jitter)))
    return replace(tried, failures=0, next_try="", disabled=result.says, begun="", done=0)


def _pause(failures: int, result: SendResult, jitter: float) -> float:
    ours = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20)) * (0.5 + jitter / 2)
    if result.retry_after is None:
        return ours
    theirs = min(max(MIN_REQUESTED_S, result.retry_after), MAX_REQUESTED_S)
    return theirs if failures <= _TRUSTED_REQUESTS else max(ours, theirs)


def _later(now: str, seconds: float) -> str:
    moment = datetime.fromisoformat(now.removesuffix("Z")) + timedelta(seconds=seconds)
    return f"{moment.isoformat(timespec='microseconds')}Z"
