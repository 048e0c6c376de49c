"""Times as people write them become instants as entries write them."""

from __future__ import annotations

from datetime import date

import pytest

from qt_audit.reading import times

NOW = "2026-11-23T10:30:15.250000Z"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-22", "2026-11-22T00:00:00.000000Z"),
        ("2026-11-22 10:00", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-22T10:00:05Z", "2026-11-22T10:00:05.000000Z"),
        ("2026-11-22t10:00:05.5z", "2026-11-22T10:00:05.500000Z"),
        ("2026-11-22T10:00:05.123456789Z", "2026-11-22T10:00:05.123456Z"),
        ("2026-11-22T00:30:00+05:30", "2026-11-21T19:00:00.000000Z"),
        ("2026-12-31 20:00:00 -05:00", "2027-01-01T01:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
        ("today", "2026-11-23T00:00:00.000000Z"),
        ("Yesterday", "2026-11-22T00:00:00.000000Z"),
        ("now", NOW),
        ("90m", "2026-11-23T09:00:15.250000Z"),
        ("2h ago", "2026-11-23T08:30:15.250000Z"),
        ("3d", "2026-11-20T10:30:15.250000Z"),
        ("1w", "2026-11-16T10:30:15.250000Z"),
        ("30s", "2026-11-23T10:29:45.250000Z"),
        (" 2026-11-22 ", "2026-11-22T00:00:00.000000Z"),
    ],
)
def test_a_time_means_an_instant_in_utc(text: str, meant: str) -> None:
    assert times.moment(text, NOW) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2026-13-01", "2026-02-30", "2026-11-22 25:00", "2026-11-22T10:00:61Z", "22.11.2026"),
        *("2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+05:75", "999999999w", "-3d", "3x", "0000-01-01"),
        *("0001-01-01T00:00:00+05:00", "٢٠٢٦-١١-٢٢", "1.5h"),
    ],
)
def test_a_text_that_is_no_time_is_rejected_with_the_ways_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write 2026-11-23"):
        times.moment(text, NOW)


def test_a_day_is_a_date_or_a_word() -> None:
    assert times.day("2026-11-22", NOW) == date(2026, 11, 22)
    assert times.day("today", NOW) == date(2026, 11, 23)
    assert times.day("yesterday", NOW) == date(2026, 11, 22)


@pytest.mark.parametrize("text", ["2026-11-31", "2026-11-22T10:00:00Z", "3d", "", "monday"])
def test_a_text_that_is_no_day_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="2026-11-23"):
        times.day(text, NOW)
