"""When a channel is tried again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from qt_audit.delivery.message import SENT, TRANSIENT, Answer
from qt_audit.delivery.outbox import ChannelState

FIRST_S, LONGEST_S = 15.0, 3600.0


def after(state: ChannelState, answer: Answer, now: str, jitter: float) -> ChannelState:
    """What is remembered of a channel after this answer. `jitter`, 0 to 1, spreads the tries of many hosts.

    The pause doubles up to an hour; a longer one that the receiver asks for is kept to.
    """
    if answer.state == SENT:
        return ChannelState(says=answer.says, sent=state.sent + 1, last_sent=now)
    if answer.state == TRANSIENT:
        failures = state.failures + 1
        pause = min(LONGEST_S, FIRST_S * 2 ** min(failures - 1, 20)) * (0.5 + jitter / 2)
        pause = max(pause, answer.retry_after or 0.0)
        return ChannelState(failures, _later(now, pause), "", answer.says, state.sent, state.last_sent)
    return ChannelState(0, "", answer.says, answer.says, state.sent, state.last_sent)


def _later(now: str, seconds: float) -> str:
    moment = datetime.fromisoformat(now.rstrip("Z")) + timedelta(seconds=seconds)
    return f"{moment.isoformat(timespec='microseconds')}Z"
