"""What readers do is bounded by the file's size, and what they hold by a line's: counted, not timed."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from qt_audit.reading.follow import Follower
from qt_audit.reading.history import History
from qt_audit.record.place import Place
from tests.support.hostile import BODY, CHAINED, append_chained
from tests.support.records import archive_segment, make_record

MEGABYTE = 1 << 20
ENTRIES = 300


class Counted:
    """os.pread, counting the bytes that it gave."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes = 0
        self._pread = os.pread
        monkeypatch.setattr(os, "pread", self)

    def __call__(self, descriptor: int, size: int, offset: int) -> bytes:
        found = self._pread(descriptor, size, offset)
        self.bytes += len(found)
        return found


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    """The only segment of a record of 300 entries."""
    make_record(tmp_path, ENTRIES, start="2026-11-01T00:00:00Z", step=3600)
    return tmp_path / "status/record/2026-11.jsonl"


def place(segment: Path) -> Place:
    return Place(str(segment.parents[2]), home=True)


def put_in(segment: Path, line: int, data: bytes) -> None:
    """Put data before a line, counted from 0."""
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:line], data, *lines[line:]]))


GARBAGE = {
    "a long line": b"x" * (16 * MEGABYTE) + b"\n",
    "a long line that begins well": b'{"seq":5,"ts":"' + b"x" * (16 * MEGABYTE) + b"\n",
    "newlines": b"\n" * (16 * MEGABYTE),
    "zeros": bytes(16 * MEGABYTE) + b"\n",
}
READERS: dict[str, Callable[[History], object]] = {
    "window": lambda history: sum(1 for _ in history.window()),
    "a day": lambda history: sum(1 for _ in history.window("2026-11-05", "2026-11-06")),
    "last": lambda history: history.last(200),
    "first": lambda history: history.first(),
    "count": lambda history: history.count("2026-11-03", "2026-11-12"),
    "before": lambda history: history.before("2026-11-07"),
    "head": lambda history: history.head(),
}


@pytest.mark.parametrize("where", [0, 150, ENTRIES])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_passed_over_without_being_held(
    segment: Path, garbage: bytes, where: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: read(History(place(segment))) for name, read in READERS.items()}
    put_in(segment, where, garbage)
    counted = Counted(monkeypatch)
    for name, read in READERS.items():
        counted.bytes = 0
        tracemalloc.start()
        found = read(History(place(segment)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 4 * MEGABYTE, name
        assert counted.bytes < 8 * len(garbage), name
        if isinstance(found, int):
            assert found == before[name], name


@pytest.mark.parametrize("ts", ["2020-01-01T00:00:00.000000Z", "2026-11-30T00:00:00.000000Z"])
def test_the_time_of_a_line_that_is_no_entry_leads_nobody_astray(segment: Path, ts: str) -> None:
    put_in(segment, 150, f'{{"seq":1,"ts":"{ts}","action":1}}\n'.encode() * 5000)
    history = History(place(segment))
    for since, until in (("2026-11-02", "2026-11-03"), ("2026-11-10", "2026-11-11")):
        assert sum(1 for _ in history.window(since, until)) == 24
        assert history.count(since, until) == 24


@pytest.mark.parametrize("archived", [False, True])
def test_all_lines_that_are_no_entries_are_counted(segment: Path, archived: bool) -> None:
    put_in(segment, 100, b"\n" * 1000)
    put_in(segment, 50, b"x" * 20_000 + b"\n")
    put_in(segment, 20, b'{"seq":7}\n')
    if archived:
        archive_segment(segment.parents[2], "2026-11")
    history = History(place(segment))
    assert [entry.seq for entry in history.window()] == list(range(1, ENTRIES + 1))
    assert history.skipped == 1002
    assert [entry.seq for entry in history.last(250)] == list(range(51, ENTRIES + 1))


@pytest.mark.parametrize("details", [True, False])
@pytest.mark.parametrize("body", CHAINED.values(), ids=CHAINED)
def test_no_reader_takes_a_line_that_no_writer_wrote(segment: Path, body: str, details: bool) -> None:
    append_chained(segment.parent, BODY, body, BODY, body)
    history = History(place(segment))
    found = [entry.seq for entry in history.window(details=details)]
    assert found == [*range(1, ENTRIES + 2), ENTRIES + 3]
    assert history.skipped == 2
    assert [entry.seq for entry in history.last(2)] == [ENTRIES + 1, ENTRIES + 3]
    head = history.before("9999-99")
    assert head is not None
    assert head.entry.seq == ENTRIES + 3


def test_a_follower_reads_a_line_that_grows_once(segment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(place(segment), None)
    counted = Counted(monkeypatch)
    seen = sum(1 for _ in follower.poll())
    for _ in range(20):
        with segment.open("ab") as file:
            file.write(b"x" * MEGABYTE)
        seen += sum(1 for _ in follower.poll())
    assert counted.bytes < segment.stat().st_size + 20 * 8000
    with segment.open("ab") as file:
        file.write(b"\n")
    append_chained(segment.parent, BODY)
    seen += sum(1 for _ in follower.poll())
    follower.close()
    assert seen == ENTRIES + 1


def test_a_follower_reads_on_after_a_long_line_was_cut(segment: Path) -> None:
    whole = segment.stat().st_size
    follower = Follower(place(segment), None)
    seen = sum(1 for _ in follower.poll())
    with segment.open("ab") as file:
        file.write(b"x" * MEGABYTE)
    seen += sum(1 for _ in follower.poll())
    os.truncate(segment, whole)  # as a writer does with a torn tail
    seen += sum(1 for _ in follower.poll())
    append_chained(segment.parent, BODY)
    seen += sum(1 for _ in follower.poll())
    follower.close()
    assert seen == ENTRIES + 1
