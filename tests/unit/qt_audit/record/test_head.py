"""The head file: its fixed width, so that one write replaces it, and its lock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.record.head import HEAD_NAME, Busy, Head, Lock, decode, empty, read_snapshot

FULL = Head(42, "ab" * 32, "2026-11-23T10:00:00.000000Z", "2026-11.jsonl", 9000, 41)


def fields(head: Head) -> list[int | str]:
    return [getattr(head, name) for name in Head.__slots__]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("head", [empty(), FULL], ids=["empty", "full"])
def test_a_head_comes_back_as_it_was(head: Head) -> None:
    back = decode(head.encoded())
    assert back is not None
    assert fields(back) == fields(head)


def test_every_head_of_a_record_with_entries_has_one_width() -> None:
    widths = {len(Head(n, "0" * 64, FULL.ts, FULL.segment, n, n).encoded()) for n in (1, 10**6, 10**19)}
    assert len(widths) == 1


@given(st.integers(0, len(FULL.encoded()) - 1), st.binary(max_size=400))
def test_a_torn_head_is_no_head(cut: int, garbage: bytes) -> None:
    assert decode(FULL.encoded()[:cut]) is None
    assert decode(garbage) is None
    assert decode(b"\0" * 300) is None


def test_the_durable_field_is_replaced_alone_and_never_goes_back(record: int) -> None:
    """A writer that hung while it synced may wake up long after others went on beside it."""
    lock = Lock(record, 0o640, time.monotonic())
    lock.write(FULL)
    lock.unlock()
    for given_seq, noted in ((42, 42), (40, 42), (41, 42)):
        lock.mark_durable(given_seq)
        back = lock.read()
        assert back is not None
        assert back.durable == lock.durable() == noted
        assert (back.seq, back.hash) == (FULL.seq, FULL.hash)
    lock.release()


def test_a_writer_that_moves_the_head_on_does_not_change_durable(record: int) -> None:
    lock = Lock(record, 0o640, time.monotonic())
    lock.write(FULL)
    head = lock.read()
    assert head is not None
    lock.mark_durable(42)
    head.seq, head.offset = 43, 9300
    lock.advance(head)
    assert lock.progress("2026-11.jsonl") == (42, 43)
    assert lock.progress("2026-12.jsonl") == (42, 0)
    lock.release()


def test_a_durable_beyond_the_last_entry_is_ignored(record: int) -> None:
    """Left where a fallback place was emptied while somebody synced, and who emptied it was killed."""
    lock = Lock(record, 0o640, time.monotonic())
    lock.write(Head(3, "ab" * 32, FULL.ts, FULL.segment, 900, 7))
    assert lock.durable() == 0
    assert lock.progress(FULL.segment) == (0, 3)
    lock.mark_durable(3)
    assert lock.durable() == 3
    lock.release()


def test_the_lock_is_exclusive_and_ends_with_its_holder(record: int) -> None:
    first = Lock(record, 0o640, time.monotonic())
    with pytest.raises(Busy):
        Lock(record, 0o640, time.monotonic())
    first.release()
    Lock(record, 0o640, time.monotonic()).release()


@pytest.mark.parametrize("taken", ["removed", "renamed"])
def test_a_lock_on_a_file_that_is_no_longer_the_head_excludes_nobody(
    record: int, tmp_path: Path, taken: str
) -> None:
    first = Lock(record, 0o640, time.monotonic())
    if taken == "removed":
        (tmp_path / HEAD_NAME).unlink()
    else:
        (tmp_path / HEAD_NAME).rename(tmp_path / "aside")
    second = Lock(record, 0o640, time.monotonic())
    second.write(FULL)
    first.release()
    with pytest.raises(Busy):
        Lock(record, 0o640, time.monotonic())
    second.release()
    found = read_snapshot(record)
    assert found is not None
    assert found.seq == 42


def test_a_reader_does_not_create_a_head(record: int, tmp_path: Path) -> None:
    assert read_snapshot(record) is None
    assert list(tmp_path.iterdir()) == []
