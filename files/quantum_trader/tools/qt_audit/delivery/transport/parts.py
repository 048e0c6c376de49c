"""Send a text in several parts: in order, each after the one before was delivered, and none twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from qt_audit.delivery.message import SENT, TRANSIENT, SendResult

_MAX_PAUSES = 4
"""Pauses before one part in one call, if the receiver asks for short ones."""
_MIN_LEFT_S = 0.5
"""Seconds that must be left for the part itself after a pause."""


def send_parts(
    count: int, done: int, timeout: float, send_one: Callable[[int, float], SendResult]
) -> SendResult:
    """Send the parts from number `done` (counted from 0) on, within `timeout` seconds in all.

    `send_one(number, timeout)` sends one of the `count` parts. Returns the result of the last attempt, with
    the number of parts delivered so far. A pause that the receiver asks for is waited for if there is time;
    otherwise the result says when to continue.
    """
    deadline = time.monotonic() + timeout
    part = min(max(done, 0), count - 1)
    pauses = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return _incomplete(
                SendResult(TRANSIENT, f"no answer within {round(timeout, 1):g} s"), part, count
            )
        result = send_one(part, left)
        if result.state == SENT:
            part += 1
            pauses = 0
            if part == count:
                return replace(result, done=count)
            if result.retry_after is None:
                continue
        pauses += 1
        pause = result.retry_after
        if result.state not in (SENT, TRANSIENT) or pause is None or pauses > _MAX_PAUSES:
            return _incomplete(result, part, count)
        if pause + _MIN_LEFT_S > deadline - time.monotonic():
            return _incomplete(result, part, count)
        time.sleep(pause)


def _incomplete(result: SendResult, part: int, count: int) -> SendResult:
    """The result while parts are missing: never SENT, and with the number of parts delivered so far."""
    state = TRANSIENT if result.state == SENT else result.state
    where = f"; {part} of {count} parts were taken" if count > 1 else ""
    return replace(result, state=state, says=result.says + where, done=part)
