"""Clocks that step back, clocks that were ahead, hosts in other time zones. Times in the record are UTC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.recording import actions, check, cli, notes, record_of, segments, succeeded


def at(clock: str) -> tuple[str, ...]:
    return ("faketime", "-f", f"@{clock}")


@pytest.mark.parametrize(
    ("first", "then", "behind"),
    [
        ("2026-11-23 12:00:00", "2026-11-23 11:56:00", 240),
        ("2026-11-23 00:02:00", "2026-11-22 23:58:00", 240),
        ("2026-11-01 00:02:00", "2026-10-31 23:58:00", 240),
        ("2027-01-01 00:02:00", "2026-12-31 23:58:00", 240),
    ],
    ids=["within a day", "over midnight", "over the end of a month", "over the end of a year"],
)
def test_a_clock_that_steps_back_by_up_to_five_minutes_repeats_the_last_time(
    tmp_path: Path, first: str, then: str, behind: int
) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "before", prefix=at(first), TZ="UTC"))
    succeeded(cli(home, "log", "after", "--detail", "k=v", prefix=at(then), TZ="UTC"))
    succeeded(cli(home, "log", "after again", prefix=at(then), TZ="UTC"))
    entries = check(home)
    assert entries[1]["ts"] == entries[0]["ts"]
    assert entries[2]["ts"] == entries[0]["ts"]
    assert entries[1]["details"]["k"] == "v"
    assert behind - 60 < entries[1]["details"]["clock_behind_s"] <= behind + 60
    assert "clock_behind_s" not in entries[0]["details"]
    assert [path.name for path in segments(record_of(home))] == [f"{first[:7]}.jsonl"]


def test_the_record_goes_on_in_time_when_the_clock_has_caught_up(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    for clock in ("2026-11-01 00:02:00", "2026-10-31 23:59:00", "2026-11-01 00:31:00"):
        succeeded(cli(home, "log", clock, prefix=at(clock), TZ="UTC"))
    last = check(home)[-1]
    assert last["ts"].startswith("2026-11-01T00:31")
    assert last["details"] == {}


def log_at(home: Path, *clocks: str) -> list[dict[str, Any]]:
    """Write an entry at each of these times of the clock; all entries of the record then."""
    for clock in clocks:
        succeeded(cli(home, "log", f"at {clock}", prefix=at(clock), TZ="UTC"))
    entries = check(home)
    assert [entry["action"] for entry in entries if entry["source"] != "audit_record"][
        -1
    ] == f"at {clocks[-1]}"
    return entries


def names(home: Path) -> list[str]:
    return [path.name for path in segments(record_of(home))]


@pytest.mark.parametrize(
    ("before", "ahead", "after", "expected"),
    [
        (
            "2026-11-23 11:30:00",
            "2026-11-23 13:30:00",
            "2026-11-23 11:40:00",
            ["2026-11.jsonl", "2026-11.2.jsonl"],
        ),
        (
            "2026-11-22 23:30:00",
            "2026-11-24 00:10:00",
            "2026-11-22 23:50:00",
            ["2026-11.jsonl", "2026-11.2.jsonl"],
        ),
        (
            "2026-11-23 11:30:00",
            "2029-01-01 11:30:00",
            "2026-11-23 11:40:00",
            ["2026-11.jsonl", "2029-01.jsonl", "2026-11.2.jsonl"],
        ),
        (
            "2026-11-30 23:30:00",
            "2029-01-01 11:30:00",
            "2026-12-01 00:10:00",
            ["2026-11.jsonl", "2029-01.jsonl", "2026-12.2.jsonl"],
        ),
    ],
    ids=["hours", "over midnight", "years", "years, and the month ended"],
)
def test_a_clock_that_was_ahead_goes_on_by_its_own_time_when_it_comes_back(
    tmp_path: Path, before: str, ahead: str, after: str, expected: list[str]
) -> None:
    home = tmp_path / "qt"
    entries = log_at(home, before, ahead, after, after)
    assert names(home) == expected
    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    for entry in (entries[0], *entries[4:]):
        assert entry["details"] == {} or set(entry["details"]) == {"clock_behind_s"}
    for entry, clock in zip(
        [entries[0], entries[1], *entries[2:]], [before, ahead, *[after] * 4], strict=True
    ):
        assert entry["ts"][:15].replace("T", " ") == clock[:15]
    leap, came_back = entries[2:4]
    assert [(note["source"], note["outcome"]) for note in (leap, came_back)] == [
        ("audit_record", "failed")
    ] * 2
    assert "leapt ahead" in leap["action"]
    assert entries[1]["ts"] in leap["action"]
    assert "came back" in came_back["action"]
    assert leap["details"]["clock"] == came_back["details"]["clock"]
    clock = leap["details"]["clock"]
    assert (clock["state"], clock["first_seq"], clock["last_seq"]) == ("ahead", 2, 2)
    assert (clock["after"], clock["from"], clock["until"]) == (
        entries[0]["ts"],
        entries[1]["ts"],
        entries[1]["ts"],
    )


def test_the_true_time_may_reach_the_month_that_the_clock_was_ahead_to(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    entries = log_at(
        home,
        "2026-11-23 11:30:00",
        "2027-01-01 11:30:00",
        "2026-11-23 11:40:00",
        "2026-12-10 10:00:00",
        "2027-01-01 09:00:00",
        "2027-02-01 09:00:00",
    )
    assert names(home) == [
        "2026-11.jsonl",
        "2027-01.jsonl",
        "2026-11.2.jsonl",
        "2026-12.jsonl",
        "2027-01.2.jsonl",
        "2027-02.jsonl",
    ]
    assert len(notes(entries)) == 2


def test_each_return_of_the_clock_begins_a_segment(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    clocks = ["2026-11-23 11:30:00", *["2028-05-01 11:30:00", "2026-11-23 11:40:00"] * 3]
    entries = log_at(home, *clocks)
    assert names(home) == [
        "2026-11.jsonl",
        "2028-05.jsonl",
        "2026-11.2.jsonl",
        "2028-05.2.jsonl",
        "2026-11.3.jsonl",
        "2028-05.3.jsonl",
        "2026-11.4.jsonl",
    ]
    assert len(notes(entries)) == 6


def test_a_record_that_begins_while_the_clock_is_ahead_goes_on_by_the_true_time(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    entries = log_at(home, "2029-01-01 11:30:00", "2026-11-23 11:40:00")
    assert names(home) == ["2029-01.jsonl", "2026-11.2.jsonl"]
    assert entries[1]["details"]["clock"]["after"] is None


@pytest.mark.parametrize("back", ["1970-01-01 00:10:00", "2026-11-23 09:00:00"], ids=["no battery", "hours"])
def test_a_clock_that_falls_behind_is_not_taken_for_one_that_was_ahead(tmp_path: Path, back: str) -> None:
    """The entries before it follow each other closely: there is no leap among them."""
    home = tmp_path / "qt"
    busy = [f"2026-11-23 {hour:02d}:{minute:02d}:00" for hour in (8, 9, 10) for minute in range(0, 60, 20)]
    entries = log_at(home, *busy, back, "2026-11-23 11:00:00")
    told = notes(entries)
    assert [note["details"]["clock"]["state"] for note in told] == ["back"]
    assert "may be wrong" in told[0]["action"]
    assert entries[-1]["ts"].startswith("2026-11-23T11:00")


def test_entries_kept_elsewhere_while_the_clock_was_ahead_do_not_pull_the_record_ahead(
    tmp_path: Path,
) -> None:
    home = tmp_path / "qt"
    log_at(home, "2026-11-23 11:30:00")
    record = record_of(home)
    record.rename(record.with_name("aside"))
    record.write_text("in the way")
    succeeded(cli(home, "log", "elsewhere", prefix=at("2029-01-01 12:00:00"), TZ="UTC"))
    record.unlink()
    record.with_name("aside").rename(record)
    entries = log_at(home, "2026-11-23 11:40:00")
    assert [entry["ts"][:10] for entry in entries] == ["2026-11-23"] * 3
    assert entries[1]["details"]["brought_home"]["ts"].startswith("2029-01-01")
    assert notes(entries) == []


def test_a_finished_segment_is_not_written_to_by_a_clock_that_is_back_in_its_month(tmp_path: Path) -> None:
    """As root too, whom no mode keeps from it, and with a head that is older than the turn of the month."""
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "october", prefix=at("2026-10-31 23:00:00"), TZ="UTC"))
    head = (record_of(home) / "head").read_bytes()
    succeeded(cli(home, "log", "november", prefix=at("2026-11-01 01:00:00"), TZ="UTC"))
    finished = (record_of(home) / "2026-10.jsonl").read_bytes()
    (record_of(home) / "head").write_bytes(head)
    succeeded(cli(home, "log", "back", prefix=at("2026-10-31 23:30:00"), TZ="UTC"))
    assert (record_of(home) / "2026-10.jsonl").read_bytes() == finished
    entries = check(home)
    assert actions([entry for entry in entries if entry not in notes(entries)]) == [
        "october",
        "november",
        "back",
    ]
    assert names(home) == ["2026-10.jsonl", "2026-11.jsonl", "2026-10.2.jsonl"]


def test_entries_that_come_home_after_the_return_bear_no_time_of_the_future(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    log_at(home, "2026-11-23 11:30:00", "2029-01-01 12:00:00")
    record = record_of(home)
    record.rename(record.with_name("aside"))
    record.write_text("in the way")
    for minute in (40, 42):
        succeeded(cli(home, "log", "elsewhere", prefix=at(f"2026-11-23 11:{minute}:00"), TZ="UTC"))
    record.unlink()
    record.with_name("aside").rename(record)
    entries = log_at(home, "2026-11-23 11:50:00")
    assert [entry["ts"][:10] for entry in entries] == ["2026-11-23", "2029-01-01", *["2026-11-23"] * 5]
    assert len(notes(entries)) == 2


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "UTC"])
def test_times_are_utc_whatever_the_time_zone_of_the_host(tmp_path: Path, zone: str) -> None:
    home = tmp_path / "qt"
    # faketime reads the clock in the zone that it runs in: its own is fixed, the writer's is not.
    prefix = ("env", "TZ=UTC", *at("2026-10-31 23:30:00"), "env", f"TZ={zone}")
    succeeded(cli(home, "log", "now", prefix=prefix, FAKETIME_DONT_FAKE_MONOTONIC="1"))
    entry = check(home)[0]
    assert entry["ts"][:10] in ("2026-10-31", "2026-11-01")
    assert [path.name for path in segments(record_of(home))] == [f"{entry['ts'][:7]}.jsonl"]
