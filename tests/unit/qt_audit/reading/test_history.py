"""Windows, first and last entries of a record, across segments, archives and damage."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_audit.reading.history import History, parse_without_details
from qt_audit.reading.window import JournalError
from qt_audit.record.entry import chain_hash, timestamp
from qt_audit.record.journal import append
from qt_audit.record.parsing import parse
from qt_audit.record.place import Place
from tests.support.records import archive_segment, draft, full_ts, make_record, microseconds, write_record

N, START, STEP = 3000, "2026-09-20T00:00:00Z", 1800.0


def history(home: Path) -> History:
    return History(Place(str(home), home=True))


def segment(home: Path, month: str) -> Path:
    return home / "status/record" / f"{month}.jsonl"


@pytest.fixture(scope="module", params=["plain", "archived"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty days over three months, the finished ones plain or archived."""
    path = tmp_path_factory.mktemp("home")
    make_record(path, N, START, STEP)
    if request.param == "archived":
        archive_segment(path, "2026-09")
        archive_segment(path, "2026-10")
    return path


@settings(max_examples=60, deadline=None)
@given(ends=st.tuples(st.integers(-10, N + 10), st.integers(-10, N + 10)), shift=st.sampled_from([-1, 0, 1]))
def test_a_window_holds_exactly_the_entries_from_since_to_before_until(
    home: Path, ends: tuple[int, int], shift: int
) -> None:
    low, high = sorted(ends)
    begin = microseconds(START)
    since = timestamp(begin + low * int(STEP * 1e6) + shift)
    until = timestamp(begin + high * int(STEP * 1e6) + shift)
    # Entry number k + 1 is at k steps; a microsecond later than an entry leaves it out.
    first, behind = (min(max(0, end + (shift > 0)), N) for end in (low, high))
    found = [entry.seq for entry in history(home).window(since, until)]
    assert found == list(range(first + 1, behind + 1))
    assert history(home).count(since, until) == len(found)


def test_a_window_without_bounds_is_the_whole_record(home: Path) -> None:
    assert [entry.seq for entry in history(home).window()] == list(range(1, N + 1))


def test_without_details_entries_are_the_same_but_for_them(home: Path) -> None:
    whole = [entry.as_dict() | {"details": {}} for entry in history(home).window("2026-10-01", "2026-10-03")]
    short = [entry.as_dict() for entry in history(home).window("2026-10-01", "2026-10-03", details=False)]
    assert whole == short
    assert len(whole) == 96


@pytest.mark.parametrize("n", [0, 1, 10, 900, N, N + 5])
def test_the_last_entries_come_oldest_first(home: Path, n: int) -> None:
    assert [entry.seq for entry in history(home).last(n)] == list(range(max(1, N - n + 1), N + 1))


def test_first_and_last_and_head_are_the_ends_of_the_chain(home: Path) -> None:
    record = history(home)
    first, last, head = record.first(), record.before("9999-99"), record.head()
    assert first is not None
    assert last is not None
    assert head is not None
    assert (first.seq, last.entry.seq, head.seq) == (1, N, N)
    noted = json.loads((home / "status/record/head").read_text())
    assert last.hash == head.hash == noted["hash"]


def test_the_entry_before_a_time_has_the_hash_that_the_next_line_holds(home: Path) -> None:
    for ts in ("2026-10-01", "2026-10-15T12:00", "2026-09-20T00:30:00.000001"):
        mark, following = history(home).before(ts), history(home).at(ts)
        assert mark is not None
        assert following is not None
        assert following.seq == mark.entry.seq + 1
        assert following.prev == mark.hash
    assert history(home).before(full_ts(START)) is None
    assert history(home).at("2027") is None


def test_reading_creates_and_changes_nothing(home: Path) -> None:
    def seen() -> list[tuple[str, int, int]]:
        return sorted((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in home.rglob("*"))

    before = seen()
    record = history(home)
    list(record.window("2026-10-01", "2026-10-02"))
    record.first(), record.head(), record.last(5), record.count()
    assert seen() == before


def test_a_record_that_does_not_exist_has_no_entries_and_is_not_created(tmp_path: Path) -> None:
    record = history(tmp_path / "none")
    assert list(record.window()) == []
    assert record.last(3) == []
    assert record.first() is None
    assert record.head() is None
    assert record.count() == 0
    assert not record.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_beginning_removed_by_retention_moves_the_first_entry(tmp_path: Path) -> None:
    make_record(tmp_path, N, START, STEP)
    segment(tmp_path, "2026-09").unlink()
    first = history(tmp_path).first()
    assert first is not None
    assert first.ts == full_ts("2026-10-01")
    assert history(tmp_path).count() == N - first.seq + 1


def test_a_torn_last_line_is_no_entry(tmp_path: Path) -> None:
    make_record(tmp_path, 10, "2026-11-22", 60)
    with segment(tmp_path, "2026-11").open("ab") as file:
        file.write(b'{"seq":11,"ts":"2026-11-22T00:11:00.000000Z","action":"half wri')
    record = history(tmp_path)
    assert [entry.seq for entry in record.window()] == list(range(1, 11))
    assert record.skipped == 0
    assert [entry.seq for entry in record.last(2)] == [9, 10]
    mark = record.before("9999-99")
    assert mark is not None
    assert mark.entry.seq == 10
    assert record.count("2026-11-22") == 10


@pytest.mark.parametrize("details", [True, False])
def test_lines_that_are_no_entries_are_skipped_and_counted(tmp_path: Path, details: bool) -> None:
    make_record(tmp_path, 500, "2026-11-01", 3600)
    lines = segment(tmp_path, "2026-11").read_bytes().splitlines(keepends=True)
    lines[100] = b"not an entry\n"
    lines[200] = b"\n"
    lines[300] = b'{"seq":301}\n'
    lines[400] = lines[400].replace(b'"run":null', b'"run":[]')
    lines[410] = lines[410].replace(b'"source":"auto_repair_system"', b'"source":7')
    lines[499] = b"\xff" * 200_000 + b"\n"
    segment(tmp_path, "2026-11").write_bytes(b"".join(lines))
    record = history(tmp_path)
    found = [entry.seq for entry in record.window(details=details)]
    assert found == [seq for seq in range(1, 501) if seq not in (101, 201, 301, 401, 411, 500)]
    assert record.skipped == 6
    assert [entry.seq for entry in record.last(3)] == [497, 498, 499]
    assert record.count("2026-11-05", "2026-11-06") == 24


def test_every_text_is_read_the_same_without_details(tmp_path: Path) -> None:
    texts = [
        'a "quote"',
        "back\\slash",
        "Grüße 🎉",
        "\x00\x1b[31m",
        "\u202e",
        '","outcome":"failed',
        "\ud800",
    ]
    write_record(tmp_path, [draft(text, source=text, run=text, details={"x": text}) for text in texts])
    for line in segment(tmp_path, "2026-11").read_bytes().splitlines(keepends=True):
        assert parse_without_details(line).as_dict() == parse(line).as_dict() | {"details": {}}
    assert [entry.action for entry in history(tmp_path).window(details=False)] == texts


def test_a_segment_that_is_archived_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    make_record(tmp_path, N, START, STEP)
    window = history(tmp_path).window()
    assert next(window).seq == 1
    archive_segment(tmp_path, "2026-09")
    archive_segment(tmp_path, "2026-10")
    assert [entry.seq for entry in window] == list(range(2, N + 1))


def test_a_segment_removed_by_retention_while_the_record_is_read_is_no_error(tmp_path: Path) -> None:
    make_record(tmp_path, N, START, STEP)
    window = history(tmp_path).window()
    first_month = Counter(next(window).ts[:7] for _ in range(10))
    segment(tmp_path, "2026-10").unlink()
    months = first_month + Counter(entry.ts[:7] for entry in window)
    assert months["2026-09"] == 528
    assert "2026-10" not in months
    assert months["2026-11"] == N - 528 - 1488


def test_the_plain_segment_counts_if_both_exist(tmp_path: Path) -> None:
    make_record(tmp_path, N, START, STEP)
    plain = segment(tmp_path, "2026-09").read_bytes()
    archive_segment(tmp_path, "2026-09", cut=30)
    segment(tmp_path, "2026-09").write_bytes(plain)
    assert [entry.seq for entry in history(tmp_path).window()] == list(range(1, N + 1))


@pytest.mark.parametrize("cut", [4, 5000])
def test_a_damaged_archive_is_named(tmp_path: Path, cut: int) -> None:
    make_record(tmp_path, N, START, STEP)
    archive_segment(tmp_path, "2026-09", cut=cut)
    with pytest.raises(JournalError, match=r"2026-09\.jsonl\.gz: damaged"):
        list(history(tmp_path).window())
    assert len(list(history(tmp_path).window("2026-10-01"))) == N - 528


def test_an_archive_of_garbage_is_reported(tmp_path: Path) -> None:
    make_record(tmp_path, N, START, STEP)
    segment(tmp_path, "2026-09").unlink()
    segment(tmp_path, "2026-09").with_suffix(".jsonl.gz").write_bytes(b"garbage")
    with pytest.raises(JournalError, match=r"2026-09\.jsonl\.gz: damaged"):
        history(tmp_path).first()


def test_a_link_in_place_of_the_record_is_not_followed(tmp_path: Path) -> None:
    make_record(tmp_path / "real", 5, "2026-11-22")
    (tmp_path / "home/status").mkdir(parents=True)
    (tmp_path / "home/status/record").symlink_to(tmp_path / "real/status/record")
    with pytest.raises(JournalError, match=r"home/status/record: cannot be read"):
        history(tmp_path / "home").first()


def test_a_link_or_pipe_in_place_of_a_segment_is_not_followed(tmp_path: Path) -> None:
    make_record(tmp_path, 5, "2026-11-22")
    elsewhere = segment(tmp_path, "2026-11").rename(tmp_path / "elsewhere")
    segment(tmp_path, "2026-11").symlink_to(elsewhere)
    with pytest.raises(JournalError, match=r"2026-11\.jsonl: cannot be read"):
        history(tmp_path).first()
    segment(tmp_path, "2026-11").unlink()
    os.mkfifo(segment(tmp_path, "2026-11"))
    with pytest.raises(JournalError, match=r"2026-11\.jsonl: cannot be read"):
        history(tmp_path).first()


def test_the_head_file_counts_if_acknowledged_entries_are_missing(tmp_path: Path) -> None:
    noted = make_record(tmp_path, 10, "2026-11-22")
    lines = segment(tmp_path, "2026-11").read_bytes().splitlines(keepends=True)
    segment(tmp_path, "2026-11").write_bytes(b"".join(lines[:7]))
    head = history(tmp_path).head()
    assert head is not None
    assert (head.seq, head.hash) == (noted.seq, noted.hash)


def test_the_last_line_counts_if_only_unacknowledged_entries_are_missing(tmp_path: Path) -> None:
    noted = make_record(tmp_path, 10, "2026-11-22")
    noted.durable = 7
    (tmp_path / "status/record/head").write_bytes(noted.encoded())
    lines = segment(tmp_path, "2026-11").read_bytes().splitlines(keepends=True)
    segment(tmp_path, "2026-11").write_bytes(b"".join(lines[:7]))
    head = history(tmp_path).head()
    assert head is not None
    assert (head.seq, head.hash) == (7, chain_hash(lines[6]))


def test_entries_that_the_journal_writes_are_read_back(tmp_path: Path) -> None:
    place = Place(str(tmp_path), home=True)
    months = ["2026-09-30T23:59:59.999999Z", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"]
    for ts in months:
        append(place, [draft(f"at {ts}", ts=ts)], 2)
    assert [entry.action for entry in History(place).window()] == [f"at {ts}" for ts in months]
    assert [entry.action for entry in History(place).window("2026-10", "2026-11")] == [f"at {months[1]}"]


def test_times_that_repeat_are_all_in_the_window(tmp_path: Path) -> None:
    write_record(tmp_path, [draft(str(n), ts="2026-11-22T10:00:00Z") for n in range(5000)])
    ts = full_ts("2026-11-22T10:00:00")
    assert len(list(history(tmp_path).window(ts, "2026-11-22T10:00:01"))) == 5000
    assert history(tmp_path).count(ts) == 5000
    assert history(tmp_path).count("2026-11-22", ts) == 0
