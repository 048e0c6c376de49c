"""The ledger: each finished period is filed once, whatever the clock and the schedule do."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.record.entry import timestamp
from qt_audit.summary.ledger import DAYS_BACK, LedgerError, Progress, Skip, decode, encode, initial_progress
from qt_audit.summary.period import KINDS, Period, period_at
from tests.support.records import microseconds

NOW = "2026-11-23T10:00:00.000000Z"
HOUR = 3_600_000_000


def daily(day: date) -> Progress:
    return Progress(Period("daily", day))


def test_nothing_is_due_while_a_period_lasts() -> None:
    assert daily(date(2026, 11, 23)).due(NOW) == []
    assert daily(date(2026, 11, 24)).due(NOW) == []


def test_each_finished_period_is_due_oldest_first() -> None:
    labels = [period.label for period in daily(date(2026, 11, 20)).due(NOW)]
    assert labels == ["2026-11-20", "2026-11-21", "2026-11-22"]


def test_it_begins_with_the_period_of_the_first_entry() -> None:
    first = "2026-11-11T23:59:59.999999Z"
    days = {kind: initial_progress(kind, None, first, NOW).next.first_day for kind in KINDS}
    assert days == {"daily": date(2026, 11, 11), "weekly": date(2026, 11, 9), "monthly": date(2026, 11, 1)}


def test_without_entries_it_begins_with_the_present_period() -> None:
    assert initial_progress("daily", None, None, NOW).next.first_day == date(2026, 11, 23)


def test_an_entry_from_a_clock_ahead_does_not_move_the_beginning_into_the_future() -> None:
    assert initial_progress("daily", None, "2031-01-01T00:00:00.000000Z", NOW).next.first_day == date(
        2026, 11, 23
    )


def test_it_goes_on_after_the_newest_filed_summary() -> None:
    filed = Period("daily", date(2026, 11, 21))
    assert initial_progress("daily", filed, "2026-01-01T00:00:00.000000Z", NOW).next.first_day == date(
        2026, 11, 22
    )


def test_periods_too_far_back_are_skipped_and_named() -> None:
    progress = daily(date(2026, 9, 1)).without_old(NOW)
    assert len(progress.due(NOW)) == DAYS_BACK
    assert progress.next.first_day == date(2026, 10, 23)
    assert progress.skips == (Skip(date(2026, 9, 1), date(2026, 10, 22), 52, date(2026, 10, 23)),)
    assert progress.skip_before(progress.next) == progress.skips[0]
    assert progress.skip_before(progress.next.next()) is None
    says = progress.skips[0].text("daily")
    assert "52 daily summaries were skipped (2026-09-01 to 2026-10-22" in says
    assert progress.without_old(NOW) == progress


def test_the_month_before_is_never_too_far_back() -> None:
    for day in (date(2026, 11, 30), date(2026, 12, 31), date(2027, 1, 31), date(2027, 2, 28)):
        now = f"{day}T23:59:59.999999Z"
        month_before = Progress(
            period_at("monthly", f"{date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)}")
        )
        assert month_before.without_old(now) == month_before
        assert len(month_before.due(now)) == 1


def test_it_never_goes_back() -> None:
    progress = daily(date(2026, 11, 22))
    assert progress.after_filing(Period("daily", date(2026, 11, 10))) == progress
    assert progress.after_filing(progress.next).next.first_day == date(2026, 11, 23)


@given(
    st.dictionaries(
        st.sampled_from(KINDS),
        st.tuples(
            st.dates(date(1971, 1, 1), date(2999, 1, 1)),
            st.lists(st.builds(Skip, st.dates(), st.dates(), st.integers(1, 999), st.dates()), max_size=3),
        ),
    )
)
def test_a_ledger_is_read_back_as_it_was_written(plain: dict[str, tuple[date, list[Skip]]]) -> None:
    ledger = {kind: Progress(period_at(kind, f"{day}"), tuple(skips)) for kind, (day, skips) in plain.items()}
    assert decode(encode(ledger)) == ledger


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"null", b"7", b"\xff", b'{"daily": null}', b'{"daily": {}}', b"[" * 100_000),
        *(
            b'{"daily": {"next": 7}}',
            b'{"daily": {"next": "2026-13-01"}}',
            b'{"weekly": {"next": "2026-11-22"}}',
        ),
        *(b'{"daily": {"next": "2026-11-22", "skipped": [{}]}}', b'{"daily": {"next": "2026-11-22T00:00"}}'),
    ],
)
def test_a_text_that_is_no_ledger_is_rejected(data: bytes) -> None:
    with pytest.raises(LedgerError):
        decode(data)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", KINDS)
def test_a_year_of_downtime_and_stepping_clocks_gives_each_period_once(kind: str, seed: int) -> None:
    """Wake-ups at random, with pauses of up to ten days and a clock that steps up to two days either way."""
    rng = random.Random(seed)
    true_time = microseconds("2026-01-01T00:00:00Z")
    progress = initial_progress(kind, None, timestamp(true_time), timestamp(true_time))
    first, done = progress.next, []
    while true_time < microseconds("2027-01-01T00:00:00Z"):
        true_time += rng.choice([HOUR // 4, HOUR, 30 * HOUR, rng.randrange(240 * HOUR)])
        now = timestamp(true_time + rng.choice([0, 0, 0, rng.randrange(-48 * HOUR, 48 * HOUR)]))
        progress = progress.without_old(now)
        for period in progress.due(now):
            assert period.until <= now
            done.append(period)
            progress = decode(encode({kind: progress}))[kind].after_filing(period)
    assert progress.skips == ()
    expected = [first]
    while len(expected) < len(done):
        expected.append(expected[-1].next())
    assert done == expected
    assert progress.next.until > timestamp(true_time - 48 * HOUR)
