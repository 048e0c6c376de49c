"""The status for people: words for states, and a table that fits."""

from __future__ import annotations

import pytest

from qt_repair.monitor.status import limit, state_of, state_of_reading, table
from qt_repair.monitor.thresholds import BAD, BETWEEN, BREACHED, CLEAR, GOOD, PENDING, UNKNOWN


@pytest.mark.parametrize(
    ("phase", "level", "flapping", "word"),
    [
        (CLEAR, GOOD, False, "ok"),
        (CLEAR, BETWEEN, False, "ok"),
        (CLEAR, UNKNOWN, False, "unknown"),
        (CLEAR, None, False, "new"),
        (PENDING, BAD, False, "soon"),
        (CLEAR, GOOD, True, "flapping"),
        (BREACHED, BAD, True, "BREACH"),
        (BREACHED, UNKNOWN, False, "BREACH"),
    ],
)
def test_each_state_has_a_word(phase: str, level: str | None, flapping: bool, word: str) -> None:
    reading = None if level is None else {"level": level}
    kept = {"phase": phase, "reading": reading, "flaps": {"since": 1.0 if flapping else None}}
    assert state_of(kept) == word


@pytest.mark.parametrize(
    ("level", "word"), [(GOOD, "ok"), (BETWEEN, "ok"), (BAD, "BREACH"), (UNKNOWN, "unknown")]
)
def test_a_single_reading_does_not_wait_for_hold(level: str, word: str) -> None:
    assert state_of_reading(level) == word


def test_a_long_cell_is_cut_and_none_reaches_the_terminal_raw() -> None:
    head, long, hostile = table([("x" * 500, "b"), ("\x1b[2J", "b")], ("A", "B"))
    assert len(head) == len(long) == 75
    assert long.endswith("…  b")
    assert "\x1b" not in hostile


@pytest.mark.parametrize(
    ("level", "unit", "text"), [(90, "%", "90 %"), (2.5, "a core", "2.5 a core"), ("active", "", "active")]
)
def test_a_limit_is_shown_with_its_unit(level: float | str, unit: str, text: str) -> None:
    assert limit(level, unit) == text
