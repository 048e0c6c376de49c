"""Days on which the clock was wrong say so, and after its return days are counted by the true time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qt_audit.delivery.gathering import summaries
from qt_audit.record.place import Place
from tests.support.recording import check, cli, notes, succeeded

FAILURES = 5


def at(home: Path, clock: str, *arguments: str) -> str:
    return succeeded(cli(home, *arguments, prefix=("faketime", "-f", f"@{clock}"), TZ="UTC"))


def summary(home: Path, clock: str, *arguments: str) -> dict[str, Any]:
    found = json.loads(at(home, clock, "daily_summary", *arguments, "--json"))
    assert isinstance(found, dict)
    return found


def due(home: Path, clock: str) -> list[str]:
    lines = at(home, clock, "daily_summary", "--due", "--json").splitlines()
    return [json.loads(line)["period"]["name"] for line in lines]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A day of November 2026, five failures with times of 2029, another entry after the clock's return."""
    made = tmp_path / "qt"
    at(made, "2026-11-21 11:30:00", "log", "before")
    for number in range(FAILURES):
        at(made, f"2029-01-01 10:0{number}:00", "log", f"failure {number}", "--outcome", "failed")
    at(made, "2026-11-23 11:40:00", "log", "after", "--outcome", "succeeded")
    return made


def test_the_day_of_the_return_names_the_entries_with_wrong_times(home: Path) -> None:
    text = at(home, "2026-11-23 12:00:00", "daily_summary")
    assert "All clear" not in text
    assert "⚠️ The clock was wrong on this day: it was ahead between 2026-11-21T11:30" in text
    assert "entries 2 to 6, written then, bear times from 2029-01-01T10:00" in text
    assert text.endswith("❌ 2 of 3 auto-repair actions failed\n")


@pytest.mark.parametrize("day", ["2026-11-21", "2026-11-22", "2026-11-23"])
def test_no_day_of_that_time_is_all_clear(home: Path, day: str) -> None:
    text = at(home, "2026-11-25 12:00:00", "daily_summary", "--date", day)
    assert "The clock was wrong on this day" in text
    assert "All clear" not in text
    assert summary(home, "2026-11-25 12:00:00", "--date", day)["clock"]


def test_a_day_without_entries_then_is_not_said_to_be_well(home: Path) -> None:
    text = at(home, "2026-11-25 12:00:00", "daily_summary", "--date", "2026-11-22")
    assert text.splitlines()[-1].startswith("⚠️ No entry bears a time of this period")


def test_a_day_after_the_return_is_a_day_like_any_other(home: Path) -> None:
    at(home, "2026-11-24 10:00:00", "log", "next day", "--outcome", "succeeded")
    found = summary(home, "2026-11-24 11:00:00")
    assert (found["entries"], found["failed"]["count"], found["clock"]) == (1, 0, [])
    assert "All clear" in at(home, "2026-11-26 10:00:00", "daily_summary", "--date", "2026-11-25")


def test_the_head_of_a_summary_is_that_of_the_record(home: Path) -> None:
    last = check(home)[-1]
    assert summary(home, "2026-11-23 12:00:00")["head"]["seq"] == last["seq"] == 1 + FAILURES + 2 + 1
    at(home, "2026-11-24 10:00:00", "log", "next day")
    assert summary(home, "2026-11-24 11:00:00")["head"]["seq"] == last["seq"] + 1


def test_the_page_of_a_period_with_a_wrong_clock_says_so(home: Path) -> None:
    at(home, "2026-11-25 12:00:00", "report", "--from", "2026-11-22", "--to", "2026-11-22")
    (page,) = (home / "status/reports").glob("*2026-11-22*.html")
    text = page.read_text()
    assert "The clock was wrong: it was ahead between" in text
    assert 'content="attention"' in text


def test_the_schedule_goes_on_with_the_days_that_were_missed_while_the_clock_was_ahead(home: Path) -> None:
    assert due(home, "2026-11-23 12:00:00") == ["daily-2026-11-21", "daily-2026-11-22"]
    at(home, "2026-11-23 13:00:00", "log", "before the second leap")
    at(home, "2029-03-01 10:00:00", "log", "ahead again")
    assert due(home, "2029-03-01 10:10:00")[-1] == "daily-2029-02-28"
    at(home, "2026-11-23 14:00:00", "log", "back again")
    assert due(home, "2026-11-23 14:10:00") == []
    assert due(home, "2026-11-24 00:10:00") == ["daily-2026-11-23"]
    assert due(home, "2026-11-24 00:20:00") == []
    assert due(home, "2026-11-26 00:10:00") == ["daily-2026-11-24", "daily-2026-11-25"]
    ledger = json.loads((home / "status/reports/ledger.json").read_text())
    assert ledger["daily"]["next"] == "2026-11-26"


def test_the_missed_days_are_also_sent(home: Path) -> None:
    at(home, "2029-03-01 10:00:00", "log", "ahead again")
    assert due(home, "2029-03-01 10:10:00")
    place = Place(str(home), home=True)
    began, sent = "2026-11-21T00:00:00.000000Z", {"daily": "2029-03-01"}
    assert summaries.messages(place, sent, began, "vps", None, print) == ([], sent)
    at(home, "2026-11-23 14:00:00", "log", "back again")
    assert due(home, "2026-11-24 00:10:00")[-1] == "daily-2026-11-23"
    found, sent = summaries.messages(place, sent, began, "vps", None, print)
    assert "2026-11-23" in found[-1].title
    assert sent == {"daily": "2026-11-24"}
    assert due(home, "2026-11-25 00:10:00") == ["daily-2026-11-24"]
    found, sent = summaries.messages(place, sent, began, "vps", None, print)
    assert (len(found), sent) == (1, {"daily": "2026-11-25"})


def test_a_period_that_was_summarised_while_the_clock_was_ahead_pins_no_time(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    at(home, "2026-11-23 11:30:00", "log", "before")
    assert due(home, "2027-01-02 00:10:00")
    at(home, "2026-11-23 11:40:00", "log", "after", "--outcome", "failed")
    entries = check(home)
    assert [entry["ts"][:15] for entry in entries] == ["2026-11-23T11:3", *["2026-11-23T11:4"] * 2]
    assert notes(entries)[0]["details"]["clock"]["state"] == "summarised"
    assert due(home, "2026-11-24 00:10:00") == ["daily-2026-11-23"]
    found = json.loads((home / "status/reports/daily-2026-11-23.json").read_text())
    assert (found["entries"], found["failed"]["count"]) == (3, 2)


def test_days_on_which_the_clock_had_fallen_behind_say_so(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    at(home, "2026-11-23 10:00:00", "log", "before")
    at(home, "1970-01-01 00:01:00", "log", "without a battery", "--outcome", "failed")
    at(home, "2026-11-26 09:00:00", "log", "right again", "--outcome", "succeeded")
    for day, is_trusted in (
        ("2026-11-23", False),
        ("2026-11-24", False),
        ("2026-11-25", False),
        ("2026-11-26", False),
        ("2026-11-27", True),
    ):
        text = at(home, "2026-11-28 12:00:00", "daily_summary", "--date", day)
        assert ("The clock was wrong on this day: it stepped back" not in text) == is_trusted
        assert ("All clear" in text) == is_trusted
    assert due(home, "2026-11-26 12:00:00") == [f"daily-2026-11-{day}" for day in (23, 24, 25)]


def test_a_record_that_began_while_the_clock_was_ahead_has_summaries_of_its_first_days(
    tmp_path: Path,
) -> None:
    home = tmp_path / "qt"
    at(home, "2029-01-01 10:00:00", "log", "first")
    at(home, "2026-11-23 11:40:00", "log", "after", "--outcome", "succeeded")
    found = summary(home, "2026-11-25 12:00:00", "--date", "2026-11-23")
    assert (found["entries"], len(found["clock"])) == (3, 1)
    assert due(home, "2026-11-25 12:00:00") == ["daily-2026-11-23", "daily-2026-11-24"]


def test_a_summary_made_while_the_clock_was_ahead_is_made_again_when_its_day_is_over(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    at(home, "2026-11-23 11:30:00", "log", "before")
    at(home, "2026-11-26 00:10:00", "log", "ahead")
    assert due(home, "2026-11-26 00:20:00") == ["daily-2026-11-23", "daily-2026-11-24", "daily-2026-11-25"]
    at(home, "2026-11-23 11:40:00", "log", "after", "--outcome", "failed")
    assert due(home, "2026-11-23 12:00:00") == []
    at(home, "2026-11-25 11:40:00", "log", "two days later", "--outcome", "succeeded")
    assert due(home, "2026-11-26 00:30:00") == ["daily-2026-11-23", "daily-2026-11-24", "daily-2026-11-25"]
    found = json.loads((home / "status/reports/daily-2026-11-25.json").read_text())
    assert found["by_outcome"] == {"succeeded": 1}
