"""Recovery: how a writer makes segments and a head that differ agree."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from qt_audit.record.entry import line
from qt_audit.record.head import Head, decode
from qt_audit.record.recovery import Recovery
from tests.support.records import draft, write_record


def recovered(home: Path, head: Head | None, wanted: str = "") -> Recovery:
    record = os.open(home / "status/record", os.O_RDONLY)
    try:
        return Recovery(record, head, is_new=False, next_segment=wanted)
    finally:
        os.close(record)


def three_months(home: Path) -> tuple[Head, list[str]]:
    days = ["2026-09-10", "2026-09-11", "2026-10-10", "2026-11-10", "2026-11-11"]
    return write_record(home, [draft(f"on {day}", ts=f"{day}T10:00:00Z") for day in days]), days


def copy(head: Head) -> Head:
    made = decode(head.encoded())
    assert made is not None
    return made


def test_a_head_that_agrees_is_left_as_it_is(tmp_path: Path) -> None:
    head, _ = three_months(tmp_path)
    result = recovered(tmp_path, copy(head))
    assert result.head.encoded() == head.encoded()
    assert not result.notes
    assert not result.adopted


def test_a_lost_head_is_rebuilt_from_the_segments(tmp_path: Path) -> None:
    head, _ = three_months(tmp_path)
    result = recovered(tmp_path, None)
    assert result.head.encoded() == head.encoded()
    assert [note.outcome for note in result.notes] == ["failed"]


def test_an_old_head_is_moved_to_the_end_and_the_adopted_entries_are_known(tmp_path: Path) -> None:
    head, days = three_months(tmp_path)
    first = (tmp_path / "status/record/2026-09.jsonl").read_bytes().splitlines(keepends=True)[0]
    old = Head(
        1,
        hashlib.sha256(first[:-1]).hexdigest(),
        "2026-09-10T10:00:00.000000Z",
        "2026-09.jsonl",
        len(first),
        1,
    )
    result = recovered(tmp_path, old)
    assert result.head.seq == head.seq
    assert result.head.hash == head.hash
    assert (result.head.segment, result.head.offset) == (head.segment, head.offset)
    assert [entry.action for entry in result.adopted] == [f"on {day}" for day in days[1:]]
    assert not result.notes


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    head, _ = three_months(tmp_path)
    touches: list[Callable[[], object]] = [
        lambda: (tmp_path / "status/record/2026-11.jsonl").open("ab").write(b"torn"),
        lambda: os.truncate(tmp_path / "status/record/2026-11.jsonl", 10),
        lambda: (tmp_path / "status/record/2026-11.jsonl").unlink(),
    ]
    for touch in touches:
        touch()
        before = len(os.listdir("/proc/self/fd"))
        result = recovered(tmp_path, copy(head))
        assert result.notes
        assert len(os.listdir("/proc/self/fd")) == before


def test_the_end_of_a_long_line_is_no_entry_though_it_looks_like_the_next(tmp_path: Path) -> None:
    head, _ = three_months(tmp_path)
    following = line(head.seq + 1, "2026-11-12T10:00:00.000000Z", draft().body(), head.hash)
    with (tmp_path / "status/record/2026-11.jsonl").open("ab") as file:
        file.write(b"x" * (1 << 20) + following)
    result = recovered(tmp_path, copy(head))
    assert result.head.seq == head.seq
    assert not result.adopted
