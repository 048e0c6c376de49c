"""Archiving: what is due, what is not changed, and how the next run completes the work after a crash."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from qt_audit.record.head import decode
from qt_audit.record.place import Place
from qt_audit.upkeep import archive
from qt_audit.upkeep.archive import COMPRESSED, FAULTY, MENDED, REMOVED, BusyError, Plan, Step
from qt_audit.verify.chain import verify
from qt_audit.verify.removals import Removal, months_since
from qt_audit.verify.snapshot import open_record_directory
from tests.support.records import make_record

MONTHS = ["2024-06.jsonl", "2024-07.jsonl", "2024-08.jsonl", "2024-09.jsonl"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """400 entries of four months of a past year; the head is in the last of them."""
    make_record(tmp_path, 400, start="2024-06-01T00:00:00Z", step=24000)
    assert segments(tmp_path) == MONTHS
    return tmp_path


def segments(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "status/record").iterdir() if path.name != "head")


def place(home: Path) -> Place:
    return Place(str(home), home=True)


def run(home: Path, after: int = 0, keep: int = 0, dry: bool = False) -> list[Step]:
    told.clear()
    return list(archive.archive(place(home), Plan(after, keep, dry), told.append))


told: list[Removal] = []


def whole(home: Path) -> bool:
    return verify(place(home), 2).whole


@pytest.mark.parametrize(
    ("segment", "ts", "months"),
    [
        ("2024-10.jsonl", "2024-11-01T00:00:00.000000Z", 0),
        ("2026-10.jsonl", "2026-12-01T00:00:00.000000Z", 1),
        ("2023-12.jsonl", "2024-01-31T23:59:59.000000Z", 0),
        ("2024-11.jsonl", "2024-11-23T00:00:00.000000Z", -1),
    ],
)
def test_age_counts_whole_months_since_the_segments_month_ended(segment: str, ts: str, months: int) -> None:
    assert months_since(segment, ts) == months


def test_a_finished_segment_that_a_power_cut_left_writable_becomes_read_only(home: Path) -> None:
    paths = [home / "status/record" / name for name in MONTHS]
    for path in paths:
        path.chmod(0o640)
    assert run(home, after=10_000, dry=True) == []
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o640}
    assert run(home, after=10_000) == []
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o440, 0o440, 0o440, 0o640]


def test_finished_months_are_compressed_and_the_heads_is_not(home: Path) -> None:
    before = {name: (home / "status/record" / name).read_bytes() for name in MONTHS}
    steps = run(home)
    assert [(step.what, step.segment) for step in steps] == [(COMPRESSED, name) for name in MONTHS[:3]]
    assert segments(home) == [f"{name}.gz" for name in MONTHS[:3]] + [MONTHS[3]]
    for name in MONTHS[:3]:
        archived = home / "status/record" / f"{name}.gz"
        assert gzip.decompress(archived.read_bytes()) == before[name]
        assert archived.stat().st_mode & 0o7777 == 0o440
    assert whole(home)
    assert run(home) == []


def test_younger_months_are_not_compressed(home: Path) -> None:
    assert [step.segment for step in run(home, after=1)] == MONTHS[:2]


def test_a_dry_run_changes_nothing(home: Path) -> None:
    steps = run(home, after=1, keep=2, dry=True)
    assert [(step.what, step.segment) for step in steps] == [(REMOVED, MONTHS[0]), (COMPRESSED, MONTHS[1])]
    assert segments(home) == MONTHS
    assert told == []


@pytest.mark.parametrize(
    "change", [(b"#50", b"#05"), (b"}\n", b"\n")], ids=["an altered line", "a line without its end"]
)
def test_a_faulty_segment_is_kept_and_reported(home: Path, change: tuple[bytes, bytes]) -> None:
    segment = home / "status/record" / MONTHS[0]
    segment.chmod(0o640)
    segment.write_bytes(segment.read_bytes().replace(*change, 1))
    steps = run(home)
    assert (steps[0].what, steps[0].segment) == (FAULTY, MONTHS[0])
    assert [step.what for step in steps[1:]] == [COMPRESSED, COMPRESSED]
    assert MONTHS[0] in segments(home)


def test_an_altered_last_line_is_seen_by_what_follows_it(home: Path) -> None:
    segment = home / "status/record" / MONTHS[0]
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b"#", b"%")
    segment.chmod(0o640)
    segment.write_bytes(b"".join(lines))
    assert run(home)[0].reason == "2024-07.jsonl does not continue it"


def test_retention_records_a_removal_before_it_removes_the_oldest(home: Path) -> None:
    steps = run(home, after=9, keep=1)
    assert [(step.what, step.segment) for step in steps] == [(REMOVED, name) for name in MONTHS[:2]]
    assert segments(home) == MONTHS[2:]
    assert [(removal.segment, removal.first_seq) for removal in told] == [
        (MONTHS[0], 1),
        (MONTHS[1], told[0].last_seq + 1),
    ]


def test_the_retention_is_stated_before_anything_else_and_only_where_it_changes(home: Path) -> None:
    def refuse(months: int) -> None:
        raise OSError(f"keeps {months}")

    for keep in (1, 2):
        with pytest.raises(OSError, match=f"keeps {keep}"):
            list(archive.archive(place(home), Plan(9, keep), told.append, refuse))
    assert segments(home) == MONTHS
    assert list(archive.archive(place(home), Plan(99, 0), told.append, refuse)) == []
    assert list(archive.archive(place(home), Plan(99, 3, dry=True), told.append, refuse)) == []


def test_a_removal_that_cannot_be_recorded_does_not_happen(home: Path) -> None:
    def refuse(removal: Removal) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        list(archive.archive(place(home), Plan(9, 1), refuse))
    assert segments(home) == MONTHS


def test_retention_stops_before_a_faulty_segment(home: Path) -> None:
    segment = home / "status/record" / MONTHS[0]
    segment.chmod(0o640)
    segment.write_bytes(segment.read_bytes().replace(b"#50", b"#05"))
    assert [step.what for step in run(home, after=9, keep=1)] == [FAULTY]
    assert segments(home) == MONTHS
    assert told == []


def test_an_archived_segment_is_removed_too(home: Path) -> None:
    run(home)
    assert [step.what for step in run(home, keep=2)] == [REMOVED]
    assert segments(home) == [f"{MONTHS[1]}.gz", f"{MONTHS[2]}.gz", MONTHS[3]]


def test_a_half_written_archive_is_removed(home: Path) -> None:
    (home / "status/record/2024-06.jsonl.gz.tmp").write_bytes(b"half")
    assert whole(home)
    run(home)
    assert segments(home) == [f"{name}.gz" for name in MONTHS[:3]] + [MONTHS[3]]


def test_a_crash_before_the_plain_file_is_removed_is_completed_by_the_next_run(home: Path) -> None:
    record = home / "status/record"
    (record / f"{MONTHS[0]}.gz").write_bytes(gzip.compress((record / MONTHS[0]).read_bytes()))
    assert whole(home)
    steps = run(home, after=100)
    assert [(step.what, step.segment) for step in steps] == [(MENDED, MONTHS[0])]
    assert segments(home) == [f"{MONTHS[0]}.gz", *MONTHS[1:]]
    assert whole(home)


def test_only_one_archiving_runs_at_a_time(home: Path) -> None:
    with (
        open_record_directory(place(home)) as record,
        archive._archiving_lock(record),
        pytest.raises(BusyError),
    ):
        run(home)


def test_a_clock_that_is_ahead_removes_nothing(home: Path) -> None:
    # The head is of 2024-09: however late the clock says it is, months are counted from there.
    assert [step.segment for step in run(home, after=100, keep=2)] == [MONTHS[0]]


def test_a_record_without_entries_has_nothing_to_archive(tmp_path: Path) -> None:
    (tmp_path / "status/record").mkdir(parents=True)
    assert run(tmp_path) == []


def test_a_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    record = home / "status/record"
    target = tmp_path / "target"
    (record / MONTHS[0]).rename(target)
    (record / MONTHS[0]).symlink_to(target)
    with pytest.raises(OSError, match=r"."):
        run(home)
    assert target.exists()


def test_the_head_is_untouched(home: Path) -> None:
    before = (home / "status/record/head").read_bytes()
    run(home, keep=1)
    assert (home / "status/record/head").read_bytes() == before
    assert decode(before) is not None


@pytest.mark.usefixtures("as_root")
def test_the_archive_keeps_the_owner(home: Path) -> None:
    record = home / "status/record"
    for path in (record, *record.iterdir()):
        os.chown(path, 12345, 12345)
    run(home)
    assert {path.stat().st_uid for path in record.iterdir()} == {12345}
