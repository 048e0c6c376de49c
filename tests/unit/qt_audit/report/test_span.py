"""Free periods, the compared period, and the parts of a period."""

from __future__ import annotations

from datetime import date

import pytest

from qt_audit.render import words
from qt_audit.report.grid import as_timestamp, grid, seconds
from qt_audit.report.span import Span, compared_period, span
from qt_audit.summary.period import Period
from tests.support.records import full_ts


@pytest.mark.parametrize(
    ("since", "until", "name", "label", "read"),
    [
        ("2026-11-01", "2026-12-01", "monthly-2026-11", "2026-11", "November 2026"),
        ("2026-11-16", "2026-11-23", "weekly-2026-W47", "2026-11-16 to 2026-11-22", "16 – 22 November 2026"),
        ("2026-11-20", "2026-11-21", "daily-2026-11-20", "2026-11-20", "20 November 2026"),
        (
            "2026-11-03",
            "2026-11-05",
            "report-2026-11-03-to-2026-11-04",
            "2026-11-03 to 2026-11-04",
            "3 – 4 November 2026",
        ),
        (
            "2026-12-28",
            "2027-01-04",
            "weekly-2026-W53",
            "2026-12-28 to 2027-01-03",
            "28 December 2026 – 3 January 2027",
        ),
        (
            "2026-11-03T10:00",
            "2026-11-03T12:30",
            "report-2026-11-03T1000-to-2026-11-03T1230",
            "2026-11-03 10:00 to 2026-11-03 12:30",
            "3 Nov 2026 10:00 – 3 Nov 2026 12:30",
        ),
    ],
)
def test_a_span_is_a_day_week_or_month_if_it_is_exactly_one(
    since: str, until: str, name: str, label: str, read: str
) -> None:
    found = span(full_ts(since), full_ts(until))
    assert (found.since, found.until) == (full_ts(since), full_ts(until))
    assert (found.name, found.label, words.period(found)) == (name, label, read)


@pytest.mark.parametrize(
    ("period", "now", "since", "until"),
    [
        (Period("monthly", date(2026, 11, 1)), "2026-12-03", "2026-10-01", "2026-11-01"),
        (Period("monthly", date(2026, 11, 1)), "2026-11-25T04:00", "2026-10-01", "2026-10-25T04:00"),
        (Period("monthly", date(2026, 3, 1)), "2026-03-31", "2026-02-01", "2026-03-01"),
        (Period("weekly", date(2026, 11, 16)), "2026-12-01", "2026-11-09", "2026-11-16"),
        (span(full_ts("2026-11-03"), full_ts("2026-11-05")), "2026-12-01", "2026-11-01", "2026-11-03"),
        (
            span(full_ts("2026-11-03T10:00"), full_ts("2026-11-03T12:00")),
            "2026-12-01",
            "2026-11-03T08:00",
            "2026-11-03T10:00",
        ),
    ],
)
def test_a_period_is_compared_with_as_much_of_the_one_before(
    period: Period, now: str, since: str, until: str
) -> None:
    found = compared_period(period, full_ts(now))
    assert found is not None
    assert (found.since, found.until) == (full_ts(since), full_ts(until))
    assert found.part is not period.finished(full_ts(now)) or until == found.period.until[:10]


@pytest.mark.parametrize("kind", ["daily", "weekly", "monthly"])
def test_the_first_day_of_the_calendar_is_not_compared(kind: str) -> None:
    assert compared_period(Period(kind, date(1, 1, 1)), full_ts("2026-11-25")) is None


@pytest.mark.parametrize(
    ("since", "until", "unit", "parts", "first"),
    [
        ("2026-11-20", "2026-11-21", "hour", 24, "2026-11-20"),
        ("2026-11-20T10:20", "2026-11-20T12:05", "hour", 3, "2026-11-20T10:00"),
        ("2026-11-01", "2026-12-01", "day", 30, "2026-11-01"),
        ("2026-09-14", "2026-11-25", "week", 11, "2026-09-14"),
        ("2025-01-15", "2026-11-25", "month", 23, "2025-01-01"),
        ("0001-01-01", "9999-12-31", "year", 9999, "0001-01-01"),
    ],
)
def test_a_period_is_cut_into_parts_that_can_be_drawn(
    since: str, until: str, unit: str, parts: int, first: str
) -> None:
    found = grid(Span("report", date.fromisoformat(since[:10]), full_ts(since), full_ts(until)))
    assert (found.unit, len(found.starts), found.starts[0]) == (unit, parts, full_ts(first))
    assert found.index(full_ts(since)) == 0
    assert found.index(full_ts(until)) == parts - 1


@pytest.mark.parametrize(
    "ts", ["1970-01-01T00:00:00.000000Z", "2026-11-25T23:59:59.999999Z", "2028-02-29T12:00:00.500000Z"]
)
def test_seconds_and_times_agree(ts: str) -> None:
    assert as_timestamp(seconds(ts)) == ts


@pytest.mark.parametrize("ts", ["2026-11-39T00:00:00.000000Z", "2026-19-01T00:00:00.000000Z"])
def test_a_day_that_the_calendar_does_not_have_stops_nothing(ts: str) -> None:
    assert seconds(ts) == 0
    assert words.moment(ts).endswith("00:00")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (0, "0 s"),
        (0.01, "0.1 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (42, "42 s"),
        (59.9, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_a_duration_has_at_most_two_units(given: float, says: str) -> None:
    assert words.duration(given) == says


@pytest.mark.parametrize(
    ("given", "says"),
    [(0, "0 %"), (0.00001, "0.1 %"), (0.5, "50 %"), (0.8956, "89.6 %"), (0.99999, "99.9 %"), (1, "100 %")],
)
def test_hundred_and_zero_percent_are_never_the_result_of_rounding(given: float, says: str) -> None:
    assert words.percent(given) == says
