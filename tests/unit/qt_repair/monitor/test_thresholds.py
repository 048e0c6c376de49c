"""Thresholds over time: trigger, clear and hold; unknown states; flapping and its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_repair.monitor.thresholds import (
    BAD,
    BETWEEN,
    BREACHED,
    CLEAR,
    GOOD,
    PENDING,
    UNKNOWN,
    FlapRule,
    FlapState,
    PhaseState,
    after_change,
    has_calmed,
    limit_reading,
    next_phase,
)

RULE = FlapRule(changes=4, within=100, calm=50)


@pytest.mark.parametrize(
    ("value", "level"),
    [(95, BAD), (90, BAD), (89.9, BETWEEN), (80.1, BETWEEN), (80, GOOD), (0, GOOD)],
)
def test_a_value_is_bad_from_trigger_on_and_good_down_to_clear(value: float, level: str) -> None:
    assert limit_reading(value, trigger=90, clear=80, text="").level == level


def phases(levels: list[str], hold: float) -> list[str]:
    """The phase after each of these levels, seen a second apart."""
    phase_state, found = PhaseState(), []
    for now, level in enumerate(levels):
        phase_state = next_phase(phase_state, level, hold, float(now))
        found.append(phase_state.phase)
    return found


@pytest.mark.parametrize(
    ("levels", "hold", "expected"),
    [
        ([BAD], 0, [BREACHED]),
        ([BAD, BAD, BAD], 2, [PENDING, PENDING, BREACHED]),
        ([BAD, BETWEEN, BAD, BAD], 2, [PENDING, CLEAR, PENDING, PENDING]),
        ([BAD, UNKNOWN, BAD], 2, [PENDING, PENDING, BREACHED]),
        ([BAD, BETWEEN, BAD, GOOD], 0, [BREACHED, BREACHED, BREACHED, CLEAR]),
        ([BAD, UNKNOWN, UNKNOWN], 0, [BREACHED, BREACHED, BREACHED]),
        ([UNKNOWN, BETWEEN, GOOD], 0, [CLEAR, CLEAR, CLEAR]),
    ],
)
def test_a_breach_needs_the_trigger_for_so_long_and_lasts_until_clear(
    levels: list[str], hold: float, expected: list[str]
) -> None:
    assert phases(levels, hold) == expected


def test_a_breach_dates_from_when_the_value_went_bad() -> None:
    phase_state = next_phase(next_phase(PhaseState(), BAD, 5, 100.0), BAD, 5, 106.0)
    assert phase_state == PhaseState(BREACHED, 100.0)


@given(st.lists(st.sampled_from([GOOD, BETWEEN, BAD, UNKNOWN]), max_size=60), st.integers(0, 5))
def test_only_a_bad_reading_begins_a_breach_and_only_a_good_one_ends_it(levels: list[str], hold: int) -> None:
    before = CLEAR
    for level, after in zip(levels, phases(levels, hold), strict=True):
        if (before == BREACHED) != (after == BREACHED):
            assert level == (BAD if after == BREACHED else GOOD)
        before = after


def flaps_after(times: list[float]) -> FlapState:
    flaps = FlapState()
    for now in times:
        flaps = after_change(flaps, RULE, now)
    return flaps


@pytest.mark.parametrize(
    ("times", "flapping"),
    [
        ([0, 1, 2], False),
        ([0, 1, 2, 3], True),
        ([0, 90, 180, 270], False),
        ([0, 70, 90, 99], True),
        ([0, 70, 90, 101], False),
    ],
)
def test_too_many_changes_within_the_time_are_flapping(times: list[float], flapping: bool) -> None:
    assert flaps_after(times).flapping is flapping


def test_further_changes_are_counted_until_it_calms() -> None:
    flaps = flaps_after([0, 1, 2, 3, 10, 20])
    assert (flaps.since, flaps.counted) == (3, 2)
    assert not has_calmed(flaps, RULE, 69.9)
    assert has_calmed(flaps, RULE, 70)


def test_a_threshold_that_does_not_flap_has_not_calmed() -> None:
    assert not has_calmed(FlapState(), RULE, 1e9)


def test_only_as_many_changes_are_stored_as_the_rule_needs() -> None:
    assert len(flaps_after([float(n) for n in range(1000)]).recent) == RULE.changes
