"""When a channel is tried again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from qt_audit.delivery.message import SENT, TRANSIENT, Answer
from qt_audit.delivery.outbox import stored_data
from qt_audit.reading.times import seconds_between

FIRST_S, LONGEST_S = 15.0, 3600.0
SHORTEST_S, MOST_ASKED_S = 0.2, 86_400.0
"""What a receiver asks for is kept to between these."""
_GAP_S = 2 * LONGEST_S
"""Who was not tried for so long was not failing: nobody tried, for the machine was off."""
_BELIEVED = 5
"""So many times in a row a receiver that names a pause is believed; then ours counts, too."""


@dataclass(frozen=True)
class ChannelState:
    """What is remembered of a channel. Times are as entries write them."""

    failures: int = 0
    """Transient failures in a row."""
    tried: str = ""
    """When it was tried last."""
    next_try: str = ""
    """Not before then."""
    disabled: str = ""
    """Why nothing is sent until `notify_test` succeeds; empty where it is in use."""
    says: str = ""
    """What came back last."""
    sent: int = 0
    last_sent: str = ""
    begun: str = ""
    """The id of the message of which only some parts were taken."""
    done: int = 0
    """How many of its parts."""

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ChannelState:
        """Raises TypeError or ValueError for what asdict() did not give."""
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
        """For how many seconds it is not to be tried; 0 where the clock went back behind the last try."""
        if not self.next_try or now < self.tried:
            return 0.0
        return max(0.0, seconds_between(now, self.next_try))

    def parts_of(self, id: str) -> int:
        """How many parts of this message were taken."""
        return self.done if id == self.begun else 0


def after(state: ChannelState, message: str, answer: Answer, now: str, jitter: float) -> ChannelState:
    """What is remembered of a channel once it answered to a message, named by its id.

    The pause doubles up to an hour; `jitter`, 0 to 1, spreads the tries of many hosts. A pause that the
    receiver asks for is kept to.
    """
    if answer.state == SENT:
        next_try = _later(now, min(answer.retry_after, MOST_ASKED_S)) if answer.retry_after else ""
        return ChannelState(
            tried=now, next_try=next_try, says=answer.says, sent=state.sent + 1, last_sent=now
        )
    tried = replace(
        state, tried=now, says=answer.says, begun=message if answer.done else "", done=answer.done
    )
    if answer.state == TRANSIENT:
        gap = bool(state.tried) and seconds_between(state.tried, now) > _GAP_S + state.pause(state.tried)
        failures = 1 if gap else state.failures + 1
        return replace(tried, failures=failures, next_try=_later(now, _pause(failures, answer, jitter)))
    return replace(tried, failures=0, next_try="", disabled=answer.says, begun="", done=0)


def _pause(failures: int, answer: Answer, jitter: float) -> float:
    ours = min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 20)) * (0.5 + jitter / 2)
    if answer.retry_after is None:
        return ours
    theirs = min(max(SHORTEST_S, answer.retry_after), MOST_ASKED_S)
    return theirs if failures <= _BELIEVED else max(ours, theirs)


def _later(now: str, seconds: float) -> str:
    moment = datetime.fromisoformat(now.removesuffix("Z")) + timedelta(seconds=seconds)
    return f"{moment.isoformat(timespec='microseconds')}Z"
