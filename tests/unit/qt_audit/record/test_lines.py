"""Lines are cut out of blocks in bounded memory, forwards and backwards, whatever a file holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qt_audit.reading import positions
from qt_audit.reading.lines import MAX_HELD, lines_of
from qt_audit.record import lines as record_lines
from qt_audit.record.entry import MAX_LINE, line
from qt_audit.record.lines import BEGIN, Pieces, candidates, pieces_backwards
from tests.support.hostile import BODY

LONG = MAX_LINE + 1000
LINES = st.sampled_from(
    [b"", b"x", b'{"seq":', b'{"seq":1,"a"}', b"\0" * 30, b"y" * LONG, BEGIN + b"z" * LONG, b'x{"seq":1}']
)
CONTENT = st.lists(LINES, max_size=30).map(b"\n".join)
SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def expected(data: bytes) -> list[bytes]:
    return [text for text in data.split(b"\n")[:-1] if text.startswith(BEGIN) and len(text) < MAX_LINE]


@given(data=CONTENT, size=st.integers(1, 3 * MAX_LINE))
def test_forwards_all_lines_that_may_be_entries_come_and_the_others_are_counted(
    data: bytes, size: int
) -> None:
    found, skipped = [], 0
    pieces = Pieces(cut(data, size), 5)
    for offset, piece in pieces:
        assert data[offset - 5 : offset - 5 + len(piece)] == piece
        assert len(piece) <= size + MAX_LINE
        lines, others = candidates(piece)
        found += lines
        skipped += others
    assert found == expected(data)
    assert len(found) + skipped + pieces.skipped == data.count(b"\n")
    assert pieces.end == 5 + (len(data) if pieces.inside else data.rfind(b"\n") + 1)


@settings(suppress_health_check=SLOW_MACHINE)
@given(data=CONTENT, size=st.integers(1, 3 * MAX_LINE))
def test_backwards_the_same_lines_come(data: bytes, size: int, tmp_path: Path) -> None:
    path = tmp_path / "segment"
    path.write_bytes(data)
    with path.open("rb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_lines, "BLOCK_BYTES", size)
        found: list[bytes] = []
        for offset, piece in pieces_backwards(file.fileno(), len(data)):
            assert data[offset : offset + len(piece)] == piece
            assert len(piece) <= size + MAX_LINE
            found = candidates(piece)[0] + found
    assert found == expected(data)


@given(data=CONTENT, size=st.integers(1, 3 * MAX_LINE))
def test_verify_sees_every_line_once_and_holds_the_beginning_of_a_long_one(data: bytes, size: int) -> None:
    number = end = 0
    for found in lines_of(cut(data, size)):
        assert found.number == number + 1
        assert data[end:].startswith(found.data)
        assert len(found.data) <= MAX_HELD
        number += found.count
        end += found.size
        assert found.end == end
    assert end == len(data)
    assert number == data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


def test_a_million_lines_that_are_no_entries_are_one() -> None:
    (run,) = lines_of(iter([b"\n" * 500_000] * 2))
    assert (run.number, run.count, run.size, run.seq) == (1, 1_000_000, 1_000_000, None)


class _Counted:
    """os.pread, counting the bytes that it gave."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes = 0
        self._pread = os.pread
        monkeypatch.setattr(os, "pread", self)

    def __call__(self, descriptor: int, size: int, offset: int) -> bytes:
        found = self._pread(descriptor, size, offset)
        self.bytes += len(found)
        return found


@pytest.mark.parametrize("ts", ["2026-11-01", "2026-11-15", "2026-12-01"])
def test_a_time_is_found_beside_a_long_line_by_reading_the_file_about_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ts: str
) -> None:
    size = 64 << 20
    path = tmp_path / "segment"
    with path.open("wb") as file:
        file.write(line(1, "2026-11-10T00:00:00.000000Z", BODY, "0" * 64))
        file.truncate(size)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + line(2, "2026-11-20T00:00:00.000000Z", BODY, "0" * 64))
        last = size + 1
    size = path.stat().st_size
    counted = _Counted(monkeypatch)
    with path.open("rb") as file:
        found = positions.offset_of(file.fileno(), size, ts)
    assert found == {"2026-11-01": 0, "2026-11-15": last, "2026-12-01": size}[ts]
    assert counted.bytes < 2.5 * size
