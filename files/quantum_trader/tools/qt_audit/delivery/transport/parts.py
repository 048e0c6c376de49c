"""A text that goes in several parts: in order, each taken before the next, and none sent again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from qt_audit.delivery.message import SENT, TRANSIENT, Answer

_TRIES = 4
"""Times that one part is tried again in one call, where the receiver asks for a short pause only."""
_SPARE = 0.5
"""Seconds that must be left after a pause for the part itself."""


def send_parts(count: int, done: int, timeout: float, send_one: Callable[[int, float], Answer]) -> Answer:
    """Send parts `done` to `count`, within `timeout` seconds in all; what came of the last one tried.

    `send_one(number, timeout)` sends one of them, counted from 0. A pause that the receiver asks for is
    kept to where it fits; where it does not, the answer says when to go on, and from where.
    """
    deadline = time.monotonic() + timeout
    part = min(max(done, 0), count - 1)
    pauses = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return _stopped(Answer(TRANSIENT, f"no answer within {round(timeout, 1):g} s"), part, count)
        answer = send_one(part, left)
        if answer.state == SENT:
            part += 1
            pauses = 0
            if part == count:
                return replace(answer, done=count)
            if answer.retry_after is None:
                continue
        pauses += 1
        pause = answer.retry_after
        if answer.state not in (SENT, TRANSIENT) or pause is None or pauses > _TRIES:
            return _stopped(answer, part, count)
        if pause + _SPARE > deadline - time.monotonic():
            return _stopped(answer, part, count)
        time.sleep(pause)


def _stopped(answer: Answer, part: int, count: int) -> Answer:
    """The answer of a text that is not whole yet."""
    state = TRANSIENT if answer.state == SENT else answer.state
    where = f"; {part} of {count} parts were taken" if count > 1 else ""
    return replace(answer, state=state, says=answer.says + where, done=part)
