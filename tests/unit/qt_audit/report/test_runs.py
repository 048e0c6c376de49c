"""Durations of repairs, and of things that are broken, from the entries of their runs."""

from __future__ import annotations

import pytest

from qt_audit.record.entry import Draft
from qt_audit.report.grid import seconds
from qt_audit.report.intervals import (
    BROKEN,
    CHECK,
    REPAIR,
    Interval,
    Runs,
    overlapping,
    relevant_details,
    seconds_covered,
)
from tests.support.records import draft
from tests.support.reporting import TRIGGERED, entries_of, incident, seconds_after

DAY = "2026-11-20T10:00:00"
ZERO = seconds(seconds_after(DAY))


def followed(*drafts: Draft) -> list[Interval]:
    runs = Runs()
    for entry in entries_of(drafts):
        runs.add(entry)
    return runs.intervals()


def one(action: str, plus: float, outcome: str, run: str | None = "a", **details: object) -> Draft:
    return draft(action, seconds_after(DAY, plus), outcome, "source", run, details)


def test_a_repair_lasts_from_started_to_its_end() -> None:
    (found,) = followed(
        one("Auto-repair: Restarting", 0, "started"), one("Auto-repair: Restarted", 12.5, "succeeded")
    )
    assert (found.kind, found.duration_s, found.outcome, found.action) == (
        REPAIR,
        12.5,
        "succeeded",
        "Auto-repair: Restarted",
    )


def test_something_is_broken_from_the_trigger_to_the_recovery_of_the_same_run() -> None:
    found = followed(
        one(TRIGGERED, 0, "started", "a", threshold="disk"),
        one(TRIGGERED, 10, "started", "b", threshold="load"),
        one("Auto-heal: Failed (exit code 1)", 20, "failed", "a"),
        one(TRIGGERED, 300, "started", "a", threshold="disk", attempt=2),
        one("Auto-heal: Completed successfully (exit code 0)", 310, "succeeded", "a"),
        one("Auto-heal: Recovered after 5 min 20 s", 320, "succeeded", "a"),
    )
    assert [(one.kind, one.thing, one.duration_s) for one in found] == [
        (BROKEN, "disk", 320.0),
        (BROKEN, "load", None),
    ]


@pytest.mark.parametrize(
    ("last", "outcome", "lasted"),
    [
        ("Auto-heal: Recovered after 42 s", "succeeded", 42.0),
        ("Auto-heal: disk is no longer watched; it was in breach", "info", 42.0),
        ("Auto-heal: Completed successfully (exit code 0)", "succeeded", None),
        ("Auto-heal: Failed (exit code 2)", "failed", None),
    ],
)
def test_a_watched_thing_is_broken_until_the_monitor_says_otherwise(
    last: str, outcome: str, lasted: float | None
) -> None:
    (found,) = followed(one(TRIGGERED, 0, "started", threshold="disk"), one(last, 42, outcome))
    assert found.duration_s == lasted


def test_a_program_that_knows_no_thresholds_ends_with_its_success() -> None:
    (found,) = followed(
        one(TRIGGERED, 0, "started"), one("Auto-heal: Completed successfully", 9, "succeeded")
    )
    assert (found.duration_s, found.thing) == (9.0, "source")


def test_an_incidents_details_say_when_it_began_and_how_long_it_lasted() -> None:
    (found,) = followed(
        one(TRIGGERED, 60, "started", threshold="disk", since=seconds_after(DAY, 0)),
        one("Auto-heal: Recovered after 90 s", 120, "succeeded", threshold="disk", lasted_s=90.0),
    )
    assert (found.begin, found.end) == (ZERO, ZERO + 90)


@pytest.mark.parametrize(
    "since", ["", "soon", "2999-01-01T00:00:00.000000Z", None, 7, "2026-11-20Tab:cd:ef.000000Z"]
)
def test_a_since_that_is_no_time_before_the_entry_is_ignored(since: object) -> None:
    (found,) = followed(one(TRIGGERED, 60, "started", threshold="disk", since=since))
    assert found.begin == ZERO + 60


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("Auto-heal: Realtime monitor threshold breach, no repair configured (disk: 91 %)", "failed"),
        (
            "Auto-heal: disk is flapping (6 changes in 10 min); further ones are counted, not recorded",
            "failed",
        ),
    ],
)
def test_a_thing_without_a_repair_is_broken_too(said: str, outcome: str) -> None:
    over = "Auto-heal: disk has stopped flapping (9 more changes in 5 min)"
    (found,) = followed(one(said, 0, outcome, threshold="disk"), one(over, 300, "succeeded"))
    assert (found.kind, found.duration_s) == (BROKEN, 300.0)


def test_a_repair_is_in_the_row_of_its_trigger() -> None:
    assert {(one.kind, one.thing) for one in followed(*incident(DAY))} == {
        (BROKEN, "grafana_http"),
        (REPAIR, "grafana_http"),
    }


def test_the_weekly_validation_is_a_check_and_no_repair() -> None:
    (found,) = followed(
        one("Weekly self-heal: Started validation cycle", 0, "started"),
        one("Weekly self-heal: Docker health check - FAILED: 1 container", 30, "failed"),
        one("Weekly self-heal: Completed - ✅ All checks passed", 90, "succeeded"),
    )
    assert (found.kind, found.duration_s, found.outcome) == (CHECK, 90.0, "succeeded")


def test_a_run_whose_beginning_was_not_read_has_an_end_only() -> None:
    (found,) = followed(one("Auto-repair: Restarted", 5, "succeeded"))
    assert (found.begin, found.end, found.duration_s) == (None, ZERO + 5, None)


def test_entries_without_a_run_last_no_time() -> None:
    assert (
        followed(one("Auto-repair: Restarted", 5, "succeeded", run=None), one(TRIGGERED, 6, "started", None))
        == []
    )


def test_overlapping_times_count_once_and_only_within_the_period() -> None:
    found = followed(
        one("Auto-heal: Recovered after 1 h", 100, "succeeded", "before", threshold="a"),
        one(TRIGGERED, 50, "started", "a", threshold="b"),
        one("Auto-heal: Recovered after 2 min", 170, "succeeded", "a"),
        one(TRIGGERED, 500, "started", "open", threshold="c"),
    )
    assert seconds_covered(found, ZERO, ZERO + 600) == 170 + 100
    assert seconds_covered([], ZERO, ZERO + 600) == 0


@pytest.mark.parametrize(
    ("begin", "end", "is_in"), [(-20, -1, False), (-20, 1, True), (5, 7, True), (10, 12, False)]
)
def test_an_interval_overlaps_a_period_that_it_has_a_part_in(begin: float, end: float, is_in: bool) -> None:
    one = Interval(REPAIR, begin, end, "succeeded", "x", "x", "x", 1)
    assert bool(overlapping([one], 0, 10)) is is_in


@pytest.mark.parametrize(
    ("item", "keys"),
    [
        (draft("A", DAY, "started", run="a", details={"repair": "x", "before": "y"}), {"repair", "before"}),
        (draft("A", DAY, "succeeded", run="a", details={"repair": "x"}), set()),
        (draft("A", DAY, "started", run=None, details={"repair": "x"}), set()),
        (
            draft("A", DAY, "succeeded", run="a", details={"threshold": "x", "since": "y"}),
            {"threshold", "since"},
        ),
        (draft('","details":{"repair":"no"}', DAY, "started", run="a", details={"repair": "x"}), {"repair"}),
    ],
)
def test_only_the_details_that_a_report_needs_are_read(item: Draft, keys: set[str]) -> None:
    line = f'{{"seq":1,"ts":"{item.ts}",{item.body()},"prev":"{"0" * 64}"}}\n'
    assert set(relevant_details(line.encode("ascii"))) == keys


@pytest.mark.parametrize(
    "line", [b"", b'"repair":"outcome":"started"', b'{"repair":,"outcome":"started","details":{,"prev":"']
)
def test_a_line_that_is_no_entry_has_no_details(line: bytes) -> None:
    assert relevant_details(line) == {}
