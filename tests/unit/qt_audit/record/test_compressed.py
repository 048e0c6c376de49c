"""Archives are decompressed in bounded memory and with bounded work, whatever they hold."""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt_audit.record.archive_error import ArchiveError
from qt_audit.record.compressed import CHANGED, TORN, DamagedError, decompressed, open_archived
from tests.support.records import make_record

MEGABYTE = 1 << 20


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """A segment of 3,000 entries."""
    make_record(tmp_path, 3000, start="2026-11-01T00:00:00Z", log=False)
    return (tmp_path / "status/record/2026-11.jsonl").read_bytes()


def blocks_of(path: Path, data: bytes) -> Iterator[bytes]:
    path.write_bytes(data)
    with path.open("rb") as file:
        yield from decompressed(file.fileno(), len(data))


@pytest.mark.parametrize("fill", [b"\0", b"\n", b"x" * 7999 + b"\n"])
def test_an_archive_that_expands_too_much_is_given_up_after_some_megabytes(
    tmp_path: Path, fill: bytes
) -> None:
    data = gzip.compress(fill * (64 * MEGABYTE // len(fill)), 6) * 4
    sizes: list[int] = []
    blocks = blocks_of(tmp_path / "archive", data)
    with pytest.raises(DamagedError, match="expands to more than a segment can be"):
        sizes.extend(map(len, blocks))
    assert max(sizes) <= MEGABYTE
    assert sum(sizes) <= 4 * MEGABYTE


def test_a_segment_of_the_longest_lines_is_not_given_up(tmp_path: Path) -> None:
    random_bytes = random.Random(7).randbytes
    line = b'{"action":"' + b"x" * 7800 + b'","prev":"%s"}\n'
    data = b"".join(line % random_bytes(32).hex().encode() for _ in range(2000))
    assert b"".join(blocks_of(tmp_path / "archive", gzip.compress(data, 9))) == data


def test_several_members_are_read_one_after_the_other(tmp_path: Path, content: bytes) -> None:
    half = len(content) // 2
    data = gzip.compress(content[:half]) + bytes(100) + gzip.compress(b"") + gzip.compress(content[half:])
    assert b"".join(blocks_of(tmp_path / "archive", data + bytes(1000))) == content


def test_many_empty_members_are_nothing(tmp_path: Path) -> None:
    assert list(blocks_of(tmp_path / "archive", gzip.compress(b"") * 10_000)) == []


@pytest.mark.parametrize(
    ("change", "torn"),
    [
        (lambda data: data + b"garbage", False),
        (lambda data: data + bytes(5000) + b"garbage", False),
        (lambda data: data + data[:50], True),
        (lambda data: data[:-1], True),
        (lambda data: data[:100], True),
        (lambda data: b"", True),
        (lambda data: data[:2000] + b"\0" * 300 + data[2300:], False),
        (lambda data: data[:-8] + b"\1\2\3\4" + data[-4:], False),
    ],
)
def test_what_is_cut_changed_or_extended_is_damaged(
    tmp_path: Path, content: bytes, change: type[bytes], torn: bool
) -> None:
    with pytest.raises(DamagedError) as raised:
        list(blocks_of(tmp_path / "archive", change(gzip.compress(content, mtime=0))))
    assert raised.value.why == (TORN if torn else CHANGED)


def test_an_archive_reads_as_a_plain_file_does(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "archive"
    path.write_bytes(gzip.compress(content))
    descriptor = os.open(path, os.O_RDONLY)
    with open_archived(descriptor, "x") as file:
        assert file.readline() == content[: content.index(b"\n") + 1]
        assert file.seek(0, os.SEEK_END) == len(content)
        assert file.seek(500_000) == 500_000
        assert file.read(1000) == content[500_000:501_000]
        assert file.seek(10) == 10
        assert file.read() == content[10:]
        assert file.read() == b""
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_the_error_of_an_archive_names_it(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(gzip.compress(b"abc")[:-3])
    archive = open_archived(os.open(path, os.O_RDONLY), "2026-10.jsonl.gz")
    with archive as file, pytest.raises(ArchiveError, match=r"2026-10\.jsonl\.gz: damaged"):
        file.read()
