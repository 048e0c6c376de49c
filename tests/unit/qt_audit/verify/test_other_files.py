"""The end of the record and the head are removed: what other files know of it stays a fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qt_audit.doctor.record import record_checks
from qt_audit.record import journal
from qt_audit.record.head import Head
from qt_audit.record.place import Place
from qt_audit.settings import loading
from qt_audit.verify.chain import Report, verify
from tests.support.records import draft, make_record

OCTOBER, NOVEMBER = "2026-10.jsonl", "2026-11.jsonl"


def place(home: Path) -> Place:
    return Place(str(home), home=True)


def look(home: Path) -> Report:
    return verify(place(home), timeout=2, jobs=1)


def remove_the_end(home: Path, log: bool = True) -> None:
    """What an attacker does: the newest segment and the head go, and the log's lines unless `log`."""
    for name in (NOVEMBER, "head"):
        (home / "status/record" / name).unlink()
    if not log:
        path = home / "status/AUTO_REPAIR_AUDIT.log"
        path.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if b"[2026-10" in line))


def write(home: Path, count: int) -> None:
    for number in range(count):
        journal.append(place(home), [draft(f"after {number}", ts="2026-11-28T12:00:00")], 2)


def tell_in_summary(home: Path, head: Head) -> None:
    path = home / "status/reports/daily-2026-11-01.txt"
    path.parent.mkdir()
    path.write_text(f"📊 Total Actions: 3\n\nHead: seq {head.seq}, {head.hash}\n")


def tell_in_message(home: Path, head: Head) -> None:
    path = home / "status/outbox/waiting.mail-1.1.abc.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"queued": "x", "message": {"head": [head.seq, head.hash]}}))


def tell_in_cursor(home: Path, head: Head) -> None:
    path = home / "status/outbox/cursor.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"seq": head.seq, "ts": head.ts}))


def tell_on_page(home: Path, head: Head) -> None:
    path = home / "status/reports/weekly-2026-W44.html"
    path.parent.mkdir()
    path.write_text(f'<dl><dt>Head</dt><dd>seq {head.seq}, <span class="hash">{head.hash}</span></dd></dl>')


def tell_in_validation(home: Path, head: Head) -> None:
    path = home / "status/reports/self-heal-2026-11-01.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"verdict": "PASSED", "record": {"seq": head.seq, "hash": head.hash}}))


@pytest.mark.parametrize("after", [1, 20, 80])
@pytest.mark.parametrize(
    ("tell", "file"),
    [
        (tell_in_summary, "reports/daily-2026-11-01.txt"),
        (tell_in_message, "outbox/waiting.mail-1.1.abc.json"),
        (tell_on_page, "reports/weekly-2026-W44.html"),
        (tell_in_validation, "reports/self-heal-2026-11-01.json"),
    ],
)
def test_a_head_that_was_told_stays_a_fault_however_many_entries_follow(
    tmp_path: Path, tell: Callable[[Path, Head], None], file: str, after: int
) -> None:
    head = make_record(tmp_path, 100, start="2026-10-30T08:00:00Z", step=3600)
    tell(tmp_path, head)
    assert look(tmp_path).whole
    remove_the_end(tmp_path, log=False)
    write(tmp_path, after)
    report = look(tmp_path)
    assert [fault.file for fault in report.faults] == [file]
    assert f"100:{head.hash}" in report.faults[0].text
    assert report.faults[0].kind == ("missing" if after < 59 else "altered")
    assert _doctor(tmp_path) == "wrong"


def test_words_of_an_action_are_no_head(tmp_path: Path) -> None:
    """Else everybody who may record something could make a whole record look cut."""
    words = f"Head: seq 900, {'ab' * 32}"
    make_record(tmp_path, 100, start="2026-10-30T08:00:00Z", step=3600)
    reports, outbox = tmp_path / "status/reports", tmp_path / "status/outbox"
    reports.mkdir()
    outbox.mkdir()
    (reports / "daily-2026-11-01.txt").write_text(f"Recent Actions:\n[2026-11-01T00:00:00.000000Z] {words}\n")
    (reports / "weekly-2026-W44.html").write_text(f"<bdi>&lt;dt&gt;Head&lt;/dt&gt;&lt;dd&gt;{words}</bdi>")
    for name, content in {
        "a": {"text": words},
        "b": {"head": words},
        "c": [words],
        "d": {"head": [1]},
    }.items():
        (outbox / f"waiting.mail-1.1.{name}.json").write_text(json.dumps({"message": content}))
    (reports / "ledger.json").write_text("{" * 100_000)
    assert look(tmp_path).faults == ()


def test_a_delivery_that_told_more_than_there_is_is_a_fault(tmp_path: Path) -> None:
    head = make_record(tmp_path, 100, start="2026-10-30T08:00:00Z", step=3600)
    tell_in_cursor(tmp_path, head)
    assert look(tmp_path).whole
    remove_the_end(tmp_path, log=False)
    write(tmp_path, 3)
    report = look(tmp_path)
    assert [(fault.kind, fault.file, fault.seq, fault.last_seq) for fault in report.faults] == [
        ("missing", "outbox/cursor.json", 45, 100)
    ]
    assert _doctor(tmp_path) == "wrong"


@pytest.mark.parametrize("after", [1, 20])
def test_lines_of_the_log_without_an_entry_are_a_fault(tmp_path: Path, after: int) -> None:
    make_record(tmp_path, 100, start="2026-10-30T08:00:00Z", step=3600)
    remove_the_end(tmp_path)
    write(tmp_path, after)
    report = look(tmp_path)
    assert [(fault.kind, fault.file) for fault in report.faults] == [("missing", "AUTO_REPAIR_AUDIT.log")]
    assert "60 lines, from [2026-11-01T00:00:00.000000Z] to [2026-11-03T11:00" in report.faults[0].text
    assert _doctor(tmp_path) == "wrong"


def test_a_record_begun_anew_beside_its_log_is_a_fault(tmp_path: Path) -> None:
    make_record(tmp_path, 10, start="2026-11-01T08:00:00Z", step=3600)
    remove_the_end(tmp_path)
    write(tmp_path, 2)
    faults = look(tmp_path).faults
    assert [fault.file for fault in faults] == ["AUTO_REPAIR_AUDIT.log"]
    assert faults[0].text.endswith("if they are of a version before this record, move them out of the log")


def test_what_was_never_durable_is_no_fault_before_and_after_the_next_entry(tmp_path: Path) -> None:
    """The head came to the disk by itself, and so did the log; the last two lines of the segment did not."""
    head = make_record(tmp_path, 6, start="2026-11-01T08:00:00Z", step=3600)
    segment = tmp_path / "status/record" / NOVEMBER
    head.durable = 4
    (tmp_path / "status/record/head").write_bytes(head.encoded())
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(True)[:4]))
    assert look(tmp_path).whole
    write(tmp_path, 1)
    assert look(tmp_path).faults == ()
    log = (tmp_path / "status/AUTO_REPAIR_AUDIT.log").read_text().splitlines()
    assert [line.split("] ")[1] for line in log][3:] == [
        "Weekly self-heal: Smoke tests - PASSED #4",
        "after 0",
    ]


def _doctor(home: Path) -> str:
    checks = record_checks(loading.load(str(home), {}))
    return next(check.state for check in checks if check.name == "head")
