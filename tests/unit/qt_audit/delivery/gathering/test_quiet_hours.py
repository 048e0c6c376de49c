"""Quiet hours follow the local time of their zone, including summer time."""

from __future__ import annotations

import pytest

from qt_audit.delivery.gathering.quiet_hours import QuietError, parse_quiet_hours


@pytest.mark.parametrize(
    ("text", "now", "held"),
    [
        ("22:00-07:00", "2026-11-22T22:00:00.000000Z", True),
        ("22:00-07:00", "2026-11-22T21:59:59.999999Z", False),
        ("22:00-07:00", "2026-11-22T06:59:59.999999Z", True),
        ("22:00-07:00", "2026-11-22T07:00:00.000000Z", False),
        ("12:00-13:30 UTC", "2026-11-22T13:29:59.000000Z", True),
        ("12:00-13:30 UTC", "2026-11-22T23:00:00.000000Z", False),
        # Winter in Berlin is an hour ahead of UTC, summer two.
        ("22:00-07:00 Europe/Berlin", "2026-01-15T21:00:00.000000Z", True),
        ("22:00-07:00 Europe/Berlin", "2026-01-15T20:59:00.000000Z", False),
        ("22:00-07:00 Europe/Berlin", "2026-07-15T20:00:00.000000Z", True),
        ("22:00-07:00 Europe/Berlin", "2026-07-15T05:00:00.000000Z", False),
        # The night of the change to summer time: from 02:00 to 03:00 at 01:00 UTC.
        ("22:00-07:00 Europe/Berlin", "2026-03-29T04:59:59.000000Z", True),
        ("22:00-07:00 Europe/Berlin", "2026-03-29T05:00:00.000000Z", False),
        ("02:00-02:30 Europe/Berlin", "2026-03-29T00:59:59.000000Z", False),
        ("02:00-02:30 Europe/Berlin", "2026-03-29T01:00:00.000000Z", False),
        # And back: 02:30 comes twice.
        ("22:00-07:00 Europe/Berlin", "2026-10-25T05:59:59.000000Z", True),
        ("22:00-07:00 Europe/Berlin", "2026-10-25T06:00:00.000000Z", False),
        ("02:00-03:00 Europe/Berlin", "2026-10-25T00:30:00.000000Z", True),
        ("02:00-03:00 Europe/Berlin", "2026-10-25T01:30:00.000000Z", True),
        ("02:00-03:00 Europe/Berlin", "2026-10-25T02:00:00.000000Z", False),
        ("22:00-07:00 Asia/Kolkata", "2026-11-22T16:30:00.000000Z", True),
    ],
)
def test_a_time_is_held_when_the_clock_on_the_wall_says_so(text: str, now: str, held: bool) -> None:
    quiet = parse_quiet_hours(text)
    assert quiet is not None
    assert quiet.contains(now) is held


@pytest.mark.parametrize("text", ["", "  "])
def test_without_a_setting_nothing_is_held(text: str) -> None:
    assert parse_quiet_hours(text) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("22-7", "must be like 22:00-07:00 Europe/Berlin"),
        ("24:00-07:00", "must be like"),
        ("22:00-29:00", "must be like"),
        ("22:60-07:00", "must be like"),
        ("22:00-07:00 Europe / Berlin", "must be like"),
        ("٢٢:00-07:00", "must be like"),
        ("22:00-22:00", "must begin and end at different times"),
        ("22:00-07:00 Europe/Nowhere", "must name a time zone"),
        ("22:00-07:00 ../../etc/passwd", "must name a time zone"),
        ("22:00-07:00 /etc/passwd", "must name a time zone"),
        ("22:00-07:00 Europe", "must name a time zone"),
        ("22:00-07:00 a\x00b", "must name a time zone"),
    ],
)
def test_quiet_hours_that_cannot_be_used_are_refused(text: str, says: str) -> None:
    with pytest.raises(QuietError, match=says):
        parse_quiet_hours(text)
