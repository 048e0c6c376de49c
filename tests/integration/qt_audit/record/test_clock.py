"""Clocks that step back, hosts in other time zones: time in the record never runs backwards, and is UTC."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.recording import actions, check, cli, notes, record_of, segments, succeeded


def at(clock: str) -> tuple[str, ...]:
    return ("faketime", "-f", f"@{clock}")


@pytest.mark.parametrize(
    ("first", "then", "behind"),
    [
        ("2026-11-23 12:00:00", "2026-11-23 11:00:00", 3600),
        ("2026-11-23 00:30:00", "2026-11-22 23:30:00", 3600),
        ("2026-11-01 00:30:00", "2026-10-31 23:30:00", 3600),
        ("2027-01-01 00:10:00", "2026-12-31 00:10:00", 86400),
    ],
    ids=["an hour", "over midnight", "over the end of a month", "over the end of a year"],
)
def test_a_clock_that_steps_back_repeats_the_last_time(
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
    for clock in ("2026-11-01 00:30:00", "2026-10-31 23:30:00", "2026-11-01 00:31:00"):
        succeeded(cli(home, "log", clock, prefix=at(clock), TZ="UTC"))
    last = check(home)[-1]
    assert last["ts"].startswith("2026-11-01T00:31")
    assert last["details"] == {}


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
    assert actions(entries) == ["october", "november", "back"]
    assert notes(entries) == []


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "UTC"])
def test_times_are_utc_whatever_the_time_zone_of_the_host(tmp_path: Path, zone: str) -> None:
    home = tmp_path / "qt"
    # faketime reads the clock in the zone that it runs in: its own is fixed, the writer's is not.
    prefix = ("env", "TZ=UTC", *at("2026-10-31 23:30:00"), "env", f"TZ={zone}")
    succeeded(cli(home, "log", "now", prefix=prefix, FAKETIME_DONT_FAKE_MONOTONIC="1"))
    entry = check(home)[0]
    assert entry["ts"][:10] in ("2026-10-31", "2026-11-01")
    assert [path.name for path in segments(record_of(home))] == [f"{entry['ts'][:7]}.jsonl"]
