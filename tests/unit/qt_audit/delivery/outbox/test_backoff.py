"""The state of a channel after each result: when it is tried again, and when it is disabled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, SendResult
from qt_audit.delivery.outbox.backoff import ChannelState, next_state

NOW = "2026-11-22T10:00:00.000000Z"
FRESH = ChannelState(sent=3, last_sent="2026-11-21T10:00:00.000000Z")
DOWN = SendResult(TRANSIENT, "nobody listens there")


def failed(times: int, answer: SendResult = DOWN, jitter: float = 1.0) -> ChannelState:
    state = FRESH
    for _ in range(times):
        state = next_state(state, "m", answer, NOW, jitter)
    return state


@pytest.mark.parametrize(
    ("times", "least", "most"),
    [(1, 7.5, 15), (2, 15, 30), (3, 30, 60), (8, 960, 1920), (9, 1800, 3600), (1000, 1800, 3600)],
)
def test_the_pause_doubles_up_to_an_hour_and_is_spread(times: int, least: float, most: float) -> None:
    assert failed(times, jitter=0.0).pause(NOW) == least
    assert failed(times, jitter=1.0).pause(NOW) == most
    assert failed(times).failures == times


@pytest.mark.parametrize(
    ("asked", "times", "pause"),
    [
        (0.3, 1, 0.3),
        (0.0, 1, 0.2),
        (90.5, 1, 90.5),
        (7200.0, 1, 7200.0),
        (1e9, 1, 86_400.0),
        (1.0, 5, 1.0),
        (1.0, 6, 480.0),
        (900.0, 6, 900.0),
    ],
)
def test_a_receiver_is_not_asked_again_before_it_said(asked: float, times: int, pause: float) -> None:
    state = failed(times, SendResult(TRANSIENT, "too many requests", 429, asked))
    assert state.pause(NOW) == pytest.approx(pause)


def test_success_forgets_all_failures() -> None:
    state = next_state(failed(7), "m", SendResult(SENT, "taken with 200", 200), NOW, 0.5)
    assert state == ChannelState(tried=NOW, says="taken with 200", sent=4, last_sent=NOW)
    assert state.pause(NOW) == 0.0


def test_a_receiver_that_took_one_may_ask_for_a_pause_before_the_next() -> None:
    state = next_state(FRESH, "m", SendResult(SENT, "taken", 204, retry_after=1.5), NOW, 0.5)
    assert (state.pause(NOW), state.failures) == (1.5, 0)


def test_a_permanent_refusal_disables_the_channel_and_says_why() -> None:
    state = next_state(failed(2), "m", SendResult(PERMANENT, "answered 404", 404), NOW, 0.5)
    assert (state.disabled, state.next_try, state.failures, state.sent) == ("answered 404", "", 0, 3)


@pytest.mark.parametrize("now", ["2026-11-22T09:59:59.000000Z", "2025-01-01T00:00:00.000000Z"])
def test_a_clock_that_went_back_keeps_nobody_waiting(now: str) -> None:
    assert failed(9).pause(now) == 0.0


def test_the_parts_that_were_taken_are_remembered_for_their_message_alone() -> None:
    state = failed(1, replace(DOWN, done=2))
    assert (state.parts_sent("m"), state.parts_sent("other")) == (2, 0)
    assert next_state(state, "m", SendResult(SENT, "taken"), NOW, 0.5).parts_sent("m") == 0


def test_after_a_long_time_without_a_try_the_row_of_failures_begins_anew() -> None:
    state = failed(9)
    assert next_state(state, "m", DOWN, "2026-11-22T13:00:00.000000Z", 1.0).failures == 10
    assert next_state(state, "m", DOWN, "2026-11-22T13:00:01.000000Z", 1.0).failures == 1
