"""A year of summaries, with nights switched off, clocks that jump and receivers that are down: each once."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from qt_audit.delivery.message import SENT, TRANSIENT, SendResult
from qt_audit.filing import schedule
from qt_audit.summary.period import KINDS
from tests.support.delivering import ManualClock, RecordingChannel, Vps

HOUR = 3600.0
DOWN = SendResult(TRANSIENT, "nobody listens there")


def expected(first: date, last: date) -> set[str]:
    """Every day, week and month that ended between two days."""
    days = [first + timedelta(n) for n in range((last - first).days)]
    weeks = {day - timedelta(day.weekday()) for day in days}
    whole = {week for week in weeks if week + timedelta(7) <= last}
    months = {day.replace(day=1) for day in days}
    over = {month for month in months if (month + timedelta(31)).replace(day=1) <= last}
    return (
        {f"Daily {day}" for day in days}
        | {f"Weekly {week}" for week in whole}
        | {f"Monthly {month:%Y-%m}" for month in over}
    )


def told(channel: RecordingChannel) -> list[str]:
    """What each summary is about, from its text."""
    found = []
    for message in channel.taken:
        if message.kind == "summary":
            words = message.title.split("– ")[-1].split()
            kind, what = words[0], message.title.rpartition("(")[2].split()[0].rstrip(")")
            found.append(f"{kind} {what}")
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_summary_of_a_year_is_sent_exactly_once(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    vps = Vps(tmp_path / "home", RecordingChannel("one"), RecordingChannel("two"))
    vps.clock = ManualClock("2026-01-01T00:00:01")
    vps.write("System check", "info")
    vps.deliver()
    while vps.clock() < "2027-01-01T12:00:00":
        fate = chance.random()
        if fate < 0.05:
            vps.clock.move(chance.uniform(1, 20) * 24 * HOUR)  # switched off, not for more than the 31 days
        elif fate < 0.15:
            _step_back_and_forth(vps, chance)
        else:
            vps.clock.move(chance.uniform(1, 12) * HOUR)
        vps.write("System check", "info")
        for channel in vps.channels:
            channel.always = DOWN if chance.random() < 0.2 else SendResult(SENT, "taken")
        _wake(vps)
    for channel in vps.channels:
        channel.always = SendResult(SENT, "taken")
    for _ in range(10):
        vps.clock.move(HOUR)
        _wake(vps)
    for channel in vps.channels:
        assert len(told(channel)) == len(set(told(channel)))
        assert set(told(channel)) == expected(date(2026, 1, 1), date.fromisoformat(vps.clock()[:10]))


def _step_back_and_forth(vps: Vps, chance: random.Random) -> None:
    """The clock goes back over midnight or further, things happen, and it is set right again."""
    seconds = chance.uniform(0.1, 40) * HOUR
    vps.clock.move(-seconds)
    vps.write("System check", "info")
    _wake(vps)
    vps.clock.move(seconds)


def _wake(vps: Vps) -> None:
    """What cron does, in any order."""
    for kind in KINDS:
        list(schedule.file_due(vps.place, kind, vps.clock(), 5.0))
    vps.deliver()
