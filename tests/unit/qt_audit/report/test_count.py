"""A report counts what a summary counts, by day and by source."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.record.entry import OUTCOMES, Draft
from qt_audit.report.figures import Count, SourceRow, figures, source_rows
from qt_audit.report.grid import grid
from qt_audit.report.intervals import Runs
from qt_audit.summary.contents import summarise
from qt_audit.summary.period import Period
from tests.support.records import draft
from tests.support.reporting import busy_month, entries_of, incident, seconds_after

MONTH = Period("monthly", date(2026, 11, 1))
LATER = "2027-01-01T00:00:00.000000Z"
ENTRY = st.tuples(
    st.integers(0, 29),
    st.sampled_from(OUTCOMES),
    st.sampled_from(["a", "b"]),
    st.sampled_from([None, "r", "s", "t"]),
)


def counted(drafts: list[Draft], period: Period = MONTH) -> tuple[Count, Runs]:
    count, runs = Count(grid(period).unit), Runs()
    for entry in entries_of(drafts):
        count.add(entry)
        runs.add(entry)
    return count, runs


@given(st.lists(ENTRY, max_size=40))
def test_the_parts_and_the_sources_add_up_to_the_summary(
    found: list[tuple[int, str, str, str | None]],
) -> None:
    drafts = [
        draft("Did", seconds_after("2026-11-01", day * 86_400), outcome, source, run)
        for day, outcome, source, run in sorted(found, key=lambda one: one[0])
    ]
    count, _ = counted(drafts)
    summary = summarise(entries_of(drafts), MONTH, LATER)
    parts = count.by_part(grid(MONTH))
    assert len(parts) == 30
    totals = {name: sum(part[name] for part in parts) for name in OUTCOMES}
    assert {name: number for name, number in totals.items() if number} == summary.by_outcome
    assert {name: sum(of.values()) for name, of in count.by_source().items()} == summary.by_source
    assert min((number for part in parts for number in part.values()), default=0) >= 0


def test_a_run_counts_on_the_day_that_it_ended() -> None:
    count, _ = counted(
        [
            draft("Doing", "2026-11-03T23:59", "started", run="a"),
            draft("Done", "2026-11-04T00:01", "failed", run="a"),
        ]
    )
    parts = count.by_part(grid(MONTH))
    assert (sum(parts[2].values()), parts[3]["failed"]) == (0, 1)


def test_an_unknown_outcome_counts_as_info() -> None:
    count, _ = counted([draft("Did", "2026-11-03", "<b>odd</b>")])
    assert count.by_part(grid(MONTH))[2]["info"] == 1


def test_success_and_times_of_a_source_are_of_what_ended() -> None:
    drafts = [*incident("2026-11-03"), *incident("2026-11-04", fails=True), draft("Checked", "2026-11-05")]
    count, runs = counted(drafts)
    rows = {row.source: row for row in source_rows(count, runs.intervals(), MONTH.since, MONTH.until)}
    assert rows["auto_repair_system"] == SourceRow("auto_repair_system", 2, 1, 1, 30.0, 30.0)
    assert rows["auto_repair_system"].success == 0.5
    assert rows["realtime_monitor"] == SourceRow("realtime_monitor", 3, 2, 0, 1830.0, 3600.0)


def test_the_figures_of_a_time_are_those_of_that_time() -> None:
    drafts = sorted(busy_month(500), key=lambda one: one.ts or "")
    count, runs = counted(drafts)
    found = figures(count, runs.intervals(), MONTH.since, MONTH.until)
    assert (found.entries, found.actions, found.breaches, found.failed) == (500, 200, 100, 14)
    assert found.repair_s == 30.0
    assert found.broken_s == 86 * 60 + 14 * 3600
    quiet = figures(Count("day"), runs.intervals(), LATER, seconds_after(LATER, 60))
    assert (quiet.actions, quiet.breaches, quiet.broken_s, quiet.success, quiet.repair_s) == (
        0,
        0,
        0,
        None,
        None,
    )


@pytest.mark.parametrize("done", [0, 1, 7])
def test_nothing_ended_is_no_rate_of_success(done: int) -> None:
    assert SourceRow("a", 9, done, 0, None, None).success == (1.0 if done else None)
