"""Each finished period is summarised once, is filed, is noted in the ledger and takes no later entry."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from qt_audit.filing import schedule, summaries
from qt_audit.reading.history import History
from qt_audit.record import journal
from qt_audit.record.place import Place
from qt_audit.summary.period import Period
from tests.support.records import draft, make_record, write_record

MORNING = "2026-11-23T00:05:00.000000Z"


def due(home: Path, now: str = MORNING, kind: str = "daily") -> tuple[list[str], list[str]]:
    """Names of the summaries that were made, and what was said."""
    said: list[str] = []
    place = Place(str(home), home=True)
    return [plain["period"]["name"] for plain, _ in schedule.file_due(place, kind, now, 2, said.append)], said


def report(home: Path, name: str) -> Path:
    return home / "status/reports" / name


def ledger(home: Path) -> dict[str, dict[str, object]]:
    found = json.loads(report(home, "ledger.json").read_text())
    assert isinstance(found, dict)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three days with entries: 20, 21 and 22 November."""
    make_record(tmp_path, 3 * 24, "2026-11-20", 3600)
    return tmp_path


def test_each_finished_day_is_summarised_once_oldest_first(home: Path) -> None:
    assert due(home) == (["daily-2026-11-20", "daily-2026-11-21", "daily-2026-11-22"], [])
    assert due(home) == ([], [])
    assert ledger(home)["daily"] == {"next": "2026-11-23"}


def test_text_and_data_are_filed_for_the_owner_and_the_group(home: Path) -> None:
    due(home)
    text, data = report(home, "daily-2026-11-22.txt"), report(home, "daily-2026-11-22.json")
    assert text.read_text().startswith("Quantum Trader V3 – Daily Audit Summary (2026-11-22)\n")
    plain = json.loads(data.read_text())
    assert (plain["entries"], plain["complete"], plain["scheduled"]) == (24, True, True)
    assert [path.stat().st_mode & 0o777 for path in (text, data, report(home, "ledger.json"))] == [0o640] * 3
    assert report(home, "").stat().st_mode & 0o777 == 0o750
    assert not list(report(home, "").glob("*.new"))


def test_days_weeks_and_months_do_not_disturb_each_other(home: Path) -> None:
    assert due(home, kind="weekly")[0] == ["weekly-2026-W47"]
    assert due(home, kind="monthly")[0] == []
    assert due(home, "2026-12-01T00:00:00.000000Z", "monthly")[0] == ["monthly-2026-11"]
    assert len(due(home)[0]) == 3
    assert {kind: of["next"] for kind, of in ledger(home).items()} == {
        "daily": "2026-11-23",
        "weekly": "2026-11-23",
        "monthly": "2026-12-01",
    }


def test_a_day_without_entries_is_all_clear_with_the_head_before_it(home: Path) -> None:
    assert due(home, "2026-11-24T00:05:00.000000Z")[0][-1] == "daily-2026-11-23"
    text = report(home, "daily-2026-11-23.txt").read_text()
    assert "✅ All clear" in text
    assert "Head: seq 72, " in text


def test_a_finished_period_takes_no_later_entry_though_the_clock_steps_back(home: Path) -> None:
    due(home)
    place = Place(str(home), home=True)
    receipt = journal.append(place, [draft("Late", ts="2026-11-22T23:00:00Z")], 2)[0]
    assert receipt.ts == "2026-11-23T00:00:00.000000Z"
    assert History(place).count("2026-11-22", "2026-11-23") == 24


def test_a_clock_that_steps_back_over_midnight_gives_no_second_summary(home: Path) -> None:
    assert len(due(home)[0]) == 3
    for now in ("2026-11-22T23:55:00.000000Z", MORNING, "2026-11-21T12:00:00.000000Z", MORNING):
        assert due(home, now) == ([], [])
    assert due(home, "2026-11-24T00:00:00.000000Z")[0] == ["daily-2026-11-23"]


def test_days_too_far_back_are_skipped_and_named_in_output_ledger_and_summary(home: Path) -> None:
    made, said = due(home, "2027-01-15T06:00:00.000000Z")
    assert (len(made), made[0], made[-1]) == (31, "daily-2026-12-15", "daily-2027-01-14")
    assert len(said) == 1
    assert "25 daily summaries were skipped (2026-11-20 to 2026-12-14" in said[0]
    assert "25 daily summaries were skipped" in report(home, "daily-2026-12-15.txt").read_text()
    assert "skipped" not in report(home, "daily-2026-12-16.txt").read_text()
    assert ledger(home)["daily"]["skipped"] == [
        {"first": "2026-11-20", "last": "2026-12-14", "count": 25, "before": "2026-12-15"}
    ]
    assert due(home, "2027-01-15T06:10:00.000000Z") == ([], [])


def test_without_a_record_it_begins_today(tmp_path: Path) -> None:
    assert due(tmp_path) == ([], [])
    assert due(tmp_path, "2026-11-24T00:05:00.000000Z")[0] == ["daily-2026-11-23"]


def test_a_crash_between_filing_and_the_ledger_gives_the_same_summary_again(home: Path) -> None:
    due(home, "2026-11-22T00:05:00.000000Z")
    before = report(home, "ledger.json").read_bytes()
    place = Place(str(home), home=True)
    first = list(schedule.file_due(place, "daily", MORNING, 2))
    files = [report(home, f"daily-2026-11-22.{form}") for form in ("txt", "json")]
    contents = [file.read_bytes() for file in files]
    report(home, "ledger.json").write_bytes(before)
    journal.append(place, [draft("Something else meanwhile", ts="2026-11-23T00:06:00Z")], 2)
    again = list(schedule.file_due(place, "daily", "2026-11-23T00:20:00.000000Z", 2))
    assert again == first
    assert [file.read_bytes() for file in files] == contents


def test_a_crash_between_text_and_json_is_repaired(home: Path) -> None:
    due(home, "2026-11-22T00:05:00.000000Z")
    report(home, "daily-2026-11-22.txt").write_text("half a te")
    report(home, ".daily-2026-11-22.json.new").write_text("left behind")
    assert due(home)[0] == ["daily-2026-11-22"]
    assert report(home, "daily-2026-11-22.txt").read_text().endswith("failed\n")
    due(home, "2026-11-24T00:05:00.000000Z")
    assert json.loads(report(home, "daily-2026-11-22.json").read_text())["entries"] == 24


def test_a_caller_that_stops_early_loses_no_period(home: Path) -> None:
    place = Place(str(home), home=True)
    summaries = schedule.file_due(place, "daily", MORNING, 2)
    assert next(summaries)[0]["period"]["name"] == "daily-2026-11-20"
    summaries.close()  # type: ignore[attr-defined]
    assert due(home)[0] == ["daily-2026-11-21", "daily-2026-11-22"]


@pytest.mark.parametrize("content", [b"", b"{half", b'{"daily": {"next": "never"}}', b"\x00" * 100])
def test_a_damaged_ledger_begins_after_the_newest_filed_summary(home: Path, content: bytes) -> None:
    due(home)
    report(home, "ledger.json").write_bytes(content)
    made, said = due(home, "2026-11-24T00:05:00.000000Z")
    assert made == ["daily-2026-11-23"]
    assert len(said) == 1
    assert "ledger.json: not a ledger" in said[0]
    assert report(home, "ledger.json.damaged").read_bytes() == content
    assert due(home, "2026-11-24T00:10:00.000000Z") == ([], [])


def test_a_removed_ledger_counts_only_what_the_schedule_filed(home: Path) -> None:
    place = Place(str(home), home=True)
    due(home, "2026-11-22T00:05:00.000000Z")
    report(home, "ledger.json").unlink()
    schedule.file_summary(place, summaries.make_summary(place, Period("daily", date(2026, 11, 22)), MORNING))
    report(home, "daily-garbage.json").write_text("{")
    assert due(home)[0] == ["daily-2026-11-22"]


def test_a_summary_made_so_far_is_replaced_once_its_day_is_over(home: Path) -> None:
    place = Place(str(home), home=True)
    noon = "2026-11-22T12:00:00.000000Z"
    schedule.file_summary(place, summaries.make_summary(place, Period("daily", date(2026, 11, 22)), noon))
    assert "So far" in report(home, "daily-2026-11-22.txt").read_text()
    assert due(home)[0][-1] == "daily-2026-11-22"
    assert "So far" not in report(home, "daily-2026-11-22.txt").read_text()


def test_a_scheduled_summary_made_again_by_hand_stays_scheduled(home: Path) -> None:
    place = Place(str(home), home=True)
    due(home)
    schedule.file_summary(place, summaries.make_summary(place, Period("daily", date(2026, 11, 22)), MORNING))
    report(home, "ledger.json").unlink()
    assert due(home) == ([], [])


def test_a_directory_that_cannot_be_written_is_named_and_nothing_counts_as_done(home: Path) -> None:
    (home / "status/reports").write_text("in the way")
    with pytest.raises(NotADirectoryError) as error:
        due(home)
    assert error.value.filename == str(home / "status/reports")
    (home / "status/reports").unlink()
    assert len(due(home)[0]) == 3


def test_a_link_in_place_of_the_reports_or_the_ledger_is_not_followed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (home / "status/reports").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotADirectoryError):
        due(home)
    (home / "status/reports").unlink()
    (home / "status/reports").mkdir()
    (tmp_path / "target").write_text("{}")
    report(home, "ledger.json").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match=r"ledger\.json"):
        due(home)
    assert (tmp_path / "target").read_text() == "{}"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_night_switched_off_at_the_turn_of_the_year(tmp_path: Path) -> None:
    write_record(tmp_path, [draft("Last", ts="2026-12-30T10:00"), draft("First", ts="2027-01-03T10:00")])
    assert due(tmp_path, "2027-01-04T07:00:00.000000Z")[0] == [
        *("daily-2026-12-30", "daily-2026-12-31", "daily-2027-01-01", "daily-2027-01-02", "daily-2027-01-03")
    ]
    assert due(tmp_path, "2027-01-04T07:00:00.000000Z", "weekly")[0] == ["weekly-2026-W53"]
    assert due(tmp_path, "2027-01-04T07:00:00.000000Z", "monthly")[0] == ["monthly-2026-12"]
