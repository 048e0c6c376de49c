"""The counts, the lists and the text of a summary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from qt_audit.filing.summaries import make_summary
from qt_audit.reading.history import History
from qt_audit.record.entry import Draft, Entry
from qt_audit.record.place import Place
from qt_audit.render.text import render
from qt_audit.summary.contents import MAX_LISTED, Summary, summarise
from qt_audit.summary.period import Period
from tests.support.records import draft, full_ts, write_record

DAY = Period("daily", date(2025, 12, 17))
LATER = "2025-12-18T08:00:00.000000Z"
RULE = "=" * 60
REPORT = """\
[2025-12-17T17:39:46.725707Z] Test audit entry - system check
[2025-12-17T17:40:37.981297Z] Auto-repair: Created PostgreSQL database quantum
[2025-12-17T17:40:37.981369Z] Auto-repair: Retrained XGBoost model to 22 features
[2025-12-17T17:40:37.981402Z] Auto-repair: Restarted Grafana container
[2025-12-17T17:40:37.981428Z] Weekly self-heal: Started validation cycle
[2025-12-17T17:40:37.981453Z] Weekly self-heal: All checks passed"""


def entries(drafts: Iterable[Draft], begin: int = 1) -> list[Entry]:
    return [
        Entry(
            seq, d.ts or "", d.action, d.source, d.outcome, d.host, d.user, d.pid, d.run, d.details, "0" * 64
        )
        for seq, d in enumerate(drafts, begin)
    ]


def one(
    action: str, time: str, outcome: str = "info", run: str | None = None, source: str = "repairs"
) -> Draft:
    return draft(action, f"2025-12-17T{time}", outcome, source, run)


def of(*drafts: Draft, as_of: str = LATER) -> Summary:
    return summarise(entries(drafts), DAY, as_of)


def report_entries() -> list[Draft]:
    return [draft(line[30:], line[1:28]) for line in REPORT.splitlines()]


def test_the_reports_own_example_reads_as_in_the_report() -> None:
    lines = render(of(*report_entries())).splitlines()
    assert lines[:3] == ["Quantum Trader V3 – Daily Audit Summary (2025-12-17)", "", "📊 Total Actions: 6"]
    assert "\n".join(lines[lines.index("Recent Actions:") :]) == "\n".join(
        ["Recent Actions:", RULE, REPORT, RULE, "", "✅ 6 auto-repair actions executed"]
    )
    assert lines[3] == lines[lines.index("Recent Actions:") - 1] == ""


def test_a_period_without_entries_is_all_clear() -> None:
    assert render(of()) == (
        "Quantum Trader V3 – Daily Audit Summary (2025-12-17)\n\n📊 Total Actions: 0\n\n"
        "✅ All clear: no auto-repair actions were needed\n"
    )


@pytest.mark.parametrize(
    ("kind", "day", "heading"),
    [
        ("weekly", date(2026, 11, 16), "Weekly Audit Summary (2026-11-16 to 2026-11-22)"),
        ("monthly", date(2026, 11, 1), "Monthly Audit Summary (2026-11)"),
    ],
)
def test_weeks_and_months_have_headings_of_their_own(kind: str, day: date, heading: str) -> None:
    text = render(summarise([], Period(kind, day), "2027-01-01T00:00:00.000000Z"))
    assert text.splitlines()[0] == f"Quantum Trader V3 – {heading}"


def test_a_run_counts_once_and_is_listed_as_its_ending() -> None:
    summary = of(
        one("Restarting", "10:00", "started", "a"),
        one("Restarted", "10:01", "succeeded", "a"),
        one("Checked", "10:02"),
    )
    assert (summary.entries, summary.actions) == (3, 2)
    assert summary.by_outcome == {"info": 1, "succeeded": 1}
    assert [line.action for line in summary.recent.lines] == ["Restarted", "Checked"]
    assert summary.never_ended.count == 0


def test_interleaved_runs_are_separate() -> None:
    summary = of(
        one("A begins", "10:00", "started", "a"),
        one("B begins", "10:01", "started", "b"),
        one("A ends", "10:02", "failed", "a"),
        one("B ends", "10:03", "succeeded", "b"),
    )
    assert summary.by_outcome == {"succeeded": 1, "failed": 1}
    assert [line.action for line in summary.failed.lines] == ["A ends"]


def test_a_run_of_several_entries_counts_once_under_how_it_ended() -> None:
    summary = of(
        one("Threshold breached", "10:00", "started", "a"),
        one("Note", "10:01", "info", "a"),
        one("Cleaned", "10:02", "failed", "a"),
        one("Cleaned", "10:03", "succeeded", "a", source="other"),
        one("Cleared", "10:04", "info", "a"),
    )
    assert (summary.entries, summary.actions) == (5, 1)
    assert summary.by_outcome == {"succeeded": 1}
    assert summary.by_source == {"other": 1}
    assert summary.failed.count == 0
    assert render(summary).endswith("✅ 1 auto-repair actions executed\n")


def test_a_run_that_began_before_the_period_counts_as_its_ending() -> None:
    summary = of(one("Restarted - FAILED: no", "00:01", "failed", "old"))
    assert (summary.actions, summary.failed.count, summary.never_ended.count) == (1, 1, 0)


def test_failures_come_first_and_close_the_text() -> None:
    text = render(
        of(
            one("Fine", "10:00", "succeeded"),
            one("Retrained - FAILED: no data", "10:01", "failed", "a"),
            one("Also fine", "10:02"),
        )
    )
    assert text.index(
        "❌ Failed: 1\n[2025-12-17T10:01:00.000000Z] Retrained - FAILED: no data\n"
    ) < text.index("By outcome: 1 info, 1 succeeded, 1 failed")
    assert text.endswith("\n\n❌ 1 of 3 auto-repair actions failed\n")


def test_an_action_that_never_ended_is_named() -> None:
    summary = of(one("Restarting", "10:00", "started", "a"), one("Checked", "10:02"))
    assert [line.action for line in summary.never_ended.lines] == ["Restarting"]
    assert summary.by_outcome == {"info": 1, "started": 1}
    text = render(summary)
    assert "⏳ Started and never ended: 1\n[2025-12-17T10:00:00.000000Z] Restarting\n" in text
    assert text.count("] Restarting\n") == 2


def test_an_action_that_ended_after_the_period_is_listed_but_not_named_as_open() -> None:
    begun = entries([one("Restarting", "23:59", "started", "a"), one("Lost", "23:59", "started", "b")])
    summary = summarise(begun, DAY, LATER, lambda runs: runs & {"a"})
    assert [line.action for line in summary.never_ended.lines] == ["Lost"]
    assert [line.action for line in summary.recent.lines] == ["Restarting", "Lost"]


def test_the_end_of_a_run_is_searched_after_the_period(tmp_path: Path) -> None:
    write_record(
        tmp_path,
        [
            draft("Restarting", "2025-12-17T23:59", "started", run="a"),
            draft("Lost", "2025-12-17T23:59:30", "started", run="b"),
            draft("Elsewhere", "2025-12-18T00:00:30", "succeeded", run="c"),
            draft("Restarted", "2026-01-18T00:01", "succeeded", run="a"),
        ],
    )
    summary = make_summary(Place(str(tmp_path), home=True), DAY, "2026-02-01T00:00:00.000000Z")
    assert [line.action for line in summary.never_ended.lines] == ["Lost"]
    assert summary.head is not None
    assert summary.head.seq == 4  # the record's head when the summary is made
    after = make_summary(
        Place(str(tmp_path), home=True), Period("monthly", date(2026, 1, 1)), "2026-02-01T00:00:00.000000Z"
    )
    assert [line.action for line in after.recent.lines] == ["Restarted"]


def test_a_started_entry_without_a_run_is_an_action() -> None:
    summary = of(one("Began", "10:00", "started"))
    assert (summary.actions, summary.recent.count, summary.never_ended.count) == (1, 1, 0)


def test_sources_are_counted_by_action_most_first() -> None:
    summary = of(
        one("1", "10:00", "started", "a", "monitor"),
        one("2", "10:01", "succeeded", "a", "monitor"),
        one("3", "10:02", source="weekly"),
        one("4", "10:03", source="weekly"),
        one("5", "10:04", source="audit_record"),
    )
    assert list(summary.by_source.items()) == [("weekly", 2), ("audit_record", 1), ("monitor", 1)]
    assert "By source: 2 weekly, 1 audit_record, 1 monitor\n" in render(summary)


def test_a_long_list_keeps_the_last_and_names_the_query_for_the_rest() -> None:
    summary = of(*[one(f"Action {n}", "10:00", "failed") for n in range(MAX_LISTED + 50)])
    assert summary.actions == summary.failed.count == MAX_LISTED + 50
    lines = render(summary).splitlines()
    begin = lines.index(RULE)
    assert lines[begin + 1] == (
        "… 50 more before these; all of them: audit_logger.py query --since 2025-12-17 --until 2025-12-18"
    )
    assert lines[begin + 2].endswith("] Action 50")
    assert lines[begin + MAX_LISTED + 1].endswith(f"] Action {MAX_LISTED + 49}")
    assert lines[begin + MAX_LISTED + 2] == RULE
    assert any(line.endswith("--outcome failed") for line in lines[:begin])
    assert len(summary.as_dict()["recent"]["lines"]) == MAX_LISTED


def test_unfinished_actions_are_sorted_into_the_recent_ones() -> None:
    open_one = one("Open", "09:00", "started", "x")
    summary = of(open_one, *[one(f"{n}", "10:00") for n in range(MAX_LISTED)])
    assert summary.recent.unlisted == 1
    assert "Open" not in [line.action for line in summary.recent.lines]
    assert [line.action for line in summary.never_ended.lines] == ["Open"]


def test_an_unfinished_period_says_so_without_touching_the_heading() -> None:
    summary = of(one("Checked", "10:00"), as_of="2025-12-17T12:00:00.000000Z")
    text = render(summary)
    assert text.startswith("Quantum Trader V3 – Daily Audit Summary (2025-12-17)\n\n📊 Total Actions: 1\n")
    assert "So far: until [2025-12-17T12:00:00.000000Z]" in text
    assert not summary.as_dict()["complete"]
    assert of(as_of="2025-12-18T00:00:00.000000Z").complete
    assert "All clear so far" in render(of(as_of="2025-12-17T12:00:00.000000Z"))


def test_no_text_reaches_a_terminal_as_a_command_or_begins_a_line() -> None:
    evil = "x\n✅ 99 auto-repair actions executed\r\x1b[2J\u202e\u2028"
    text = render(of(one(evil, "10:00", "failed", "r\n", evil), one(evil, "10:01", "started", "s", evil)))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert not any(line.startswith("✅") for line in text.splitlines())


def test_lines_that_are_no_entries_are_mentioned(tmp_path: Path) -> None:
    write_record(tmp_path, [draft("Checked", full_ts("2025-12-17T10:00"))])
    with (tmp_path / "status/record/2025-12.jsonl").open("ab") as file:
        file.write(b"garbage\n")
    place = Place(str(tmp_path), home=True)
    summary = make_summary(place, DAY, LATER)
    assert summary.unreadable == 1
    assert "⚠️ 1 line is no entry; `audit_logger.py verify` names what is wrong" in render(summary)
    assert History(place).count() == 1


def test_the_summary_as_data_is_plain() -> None:
    plain = of(one("Checked", "10:00", run="a")).as_dict()
    assert plain["period"] == {
        "kind": "daily",
        "name": "daily-2025-12-17",
        "label": "2025-12-17",
        "since": "2025-12-17T00:00:00.000000Z",
        "until": "2025-12-18T00:00:00.000000Z",
    }
    assert plain["recent"]["lines"] == [
        {
            "seq": 1,
            "ts": "2025-12-17T10:00:00.000000Z",
            "action": "Checked",
            "source": "repairs",
            "outcome": "info",
            "run": "a",
        }
    ]
