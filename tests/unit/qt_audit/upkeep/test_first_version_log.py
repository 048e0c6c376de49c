"""The lines of the first version's log as entries: times, continued lines, garbage; no line is lost."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.upkeep.first_version_log import Imported, details, entries

NOW = "2026-11-25T08:00:00.000000Z"


def read(*lines: str) -> list[tuple[str, str]]:
    return [(entry.ts, entry.action) for entry in entries(lines, NOW)]


def test_a_flood_of_lines_without_a_time_is_entries_of_bounded_length() -> None:
    found = read("[2025-12-17T17:39:46.725707Z] begin", *["x" * 99] * 30_000, "[2025-12-18T00:00:00Z] end")
    assert len(found) == 4
    assert max(len(action) for _, action in found) <= (1 << 20) + 100
    assert sum(action.count("x") for _, action in found) == 99 * 30_000


def test_the_reports_lines_are_taken_as_they_are() -> None:
    assert read(
        "[2025-12-17T17:39:46.725707Z] Test audit entry - system check",
        "[2025-12-17T17:40:37.981297Z] Auto-repair: Created PostgreSQL database quantum",
    ) == [
        ("2025-12-17T17:39:46.725707Z", "Test audit entry - system check"),
        ("2025-12-17T17:40:37.981297Z", "Auto-repair: Created PostgreSQL database quantum"),
    ]


@pytest.mark.parametrize(
    ("written", "ts"),
    [
        ("2025-12-17T17:40:37Z", "2025-12-17T17:40:37.000000Z"),  # isoformat() at a whole second
        ("2025-12-17T17:40:37.5Z", "2025-12-17T17:40:37.500000Z"),
        ("2025-12-17 17:40:37", "2025-12-17T17:40:37.000000Z"),
        ("2025-12-17T18:40:37+01:00", "2025-12-17T17:40:37.000000Z"),
        ("2027-01-01T00:00:00Z", NOW),  # from the future: now
    ],
)
def test_a_time_is_written_as_entries_write_it(written: str, ts: str) -> None:
    assert read(f"[{written}] a") == [(ts, "a")]


def test_a_line_without_a_time_belongs_to_the_one_above() -> None:
    assert read("[2025-12-17T17:40:37Z] Traceback:", "  line 1", "", "[2025-12-17T17:40:38Z] b") == [
        ("2025-12-17T17:40:37.000000Z", "Traceback:\n  line 1"),
        ("2025-12-17T17:40:38.000000Z", "b"),
    ]


def test_lines_before_the_first_time_are_an_entry_of_that_time() -> None:
    assert read("# my log", "[2025-12-17T17:40:37Z] a") == [
        ("2025-12-17T17:40:37.000000Z", "# my log"),
        ("2025-12-17T17:40:37.000000Z", "a"),
    ]


def test_a_time_never_goes_back_and_the_entry_says_what_the_log_said() -> None:
    later, earlier = entries(["[2025-12-17T10:00:00Z] a", "[2025-12-17T09:00:00Z] b"], NOW)
    assert (later.ts, earlier.ts) == ("2025-12-17T10:00:00.000000Z",) * 2
    assert "imported_time" not in details(later, "x")
    assert details(earlier, "x") == {
        "imported_from": "x",
        "imported_line": 2,
        "imported_time": "2025-12-17T09:00:00Z",
    }


@pytest.mark.parametrize(
    "line", ["[2025-99-99T00:00:00Z] a", "[] a", "[2025-12-17] a", "2025-12-17T17:40:37Z a"]
)
def test_brackets_that_hold_no_time_are_text(line: str) -> None:
    assert read(line) == [(NOW, line)]


def test_blank_lines_alone_are_no_entries() -> None:
    assert read("", "  ", "") == []


@given(st.lists(st.one_of(st.text(max_size=20), st.datetimes(timezones=st.just(timezone.utc)))))
def test_nothing_is_lost_and_times_only_go_forward(parts: list[str | datetime]) -> None:
    lines = [
        f"[{part.replace(tzinfo=None).isoformat()}Z] x"
        if isinstance(part, datetime)
        else part.replace("\n", "")
        for part in parts
    ]
    found: list[Imported] = list(entries(lines, NOW))
    times = [entry.ts for entry in found]
    assert times == sorted(times)
    assert all(ts <= NOW for ts in times)
    text = "\n".join(entry.action for entry in found)
    for line in lines:
        if line.strip() and not line.startswith("["):
            assert line in text
