"""Days, weeks and months: where they begin, where they end, what they are called."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.summary.period import KINDS, Period, finished_from, period_at, period_containing


@pytest.mark.parametrize(
    ("kind", "since", "until", "label", "name"),
    [
        ("daily", "2026-11-22", "2026-11-23", "2026-11-22", "daily-2026-11-22"),
        ("weekly", "2026-11-16", "2026-11-23", "2026-11-16 to 2026-11-22", "weekly-2026-W47"),
        ("monthly", "2026-11-01", "2026-12-01", "2026-11", "monthly-2026-11"),
    ],
)
def test_a_period_knows_its_bounds_and_names(
    kind: str, since: str, until: str, label: str, name: str
) -> None:
    period = period_containing(kind, date(2026, 11, 22))
    assert period.since == f"{since}T00:00:00.000000Z"
    assert period.until == f"{until}T00:00:00.000000Z"
    assert (period.label, period.name) == (label, name)


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 12, 31), "weekly-2026-W53"),
        (date(2027, 1, 3), "weekly-2026-W53"),
        (date(2027, 1, 4), "weekly-2027-W01"),
        (date(2024, 12, 30), "weekly-2025-W01"),
    ],
)
def test_a_week_over_new_year_has_one_name(day: date, name: str) -> None:
    assert period_containing("weekly", day).name == name


def test_a_period_is_finished_at_its_end_and_not_before() -> None:
    period = period_containing("daily", date(2026, 11, 22))
    assert not period.finished("2026-11-22T23:59:59.999999Z")
    assert period.finished("2026-11-23T00:00:00.000000Z")


def test_finished_periods_come_oldest_first() -> None:
    first = Period("monthly", date(2025, 12, 1))
    labels = [period.label for period in finished_from(first, "2026-03-01T00:00:00.000000Z")]
    assert labels == ["2025-12", "2026-01", "2026-02"]


@given(st.sampled_from(KINDS), st.dates(date(1970, 1, 1), date(2999, 1, 1)))
def test_every_day_lies_in_one_period_and_periods_leave_no_gap(kind: str, day: date) -> None:
    period = period_containing(kind, day)
    assert period.first_day <= day < period.after
    assert period_containing(kind, period.first_day) == period_containing(kind, period.last_day) == period
    assert period.next().first_day == period.after
    assert period_at(kind, f"{day}T23:59:59.999999Z") == period
    assert period_containing(kind, period.first_day - timedelta(days=1)).next() == period
