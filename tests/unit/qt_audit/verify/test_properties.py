"""`verify` finds any single changed byte of a record, whatever the size of its parts."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qt_audit.record.place import Place
from qt_audit.verify import scan
from qt_audit.verify.chain import Report, verify
from qt_audit.verify.scan import EMPTY_SECTION, open_segment_file, parts, scan_part
from tests.support.records import draft, make_record, write_record

NAMES = ("2026-10.jsonl", "2026-11.jsonl")
SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def verified(home: Path) -> Report:
    return verify(Place(str(home), home=True), timeout=2, jobs=1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of two segments; each test puts it back as it was."""
    home = tmp_path_factory.mktemp("record")
    make_record(home, 30, start="2026-10-31T12:00:00Z", step=3000)
    for name in NAMES:
        (home / "status/record" / name).chmod(0o640)
    return home


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(name=st.sampled_from(NAMES), where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_any_changed_byte_of_a_segment_is_found(home: Path, name: str, where: float, flip: int) -> None:
    path = home / "status/record" / name
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[int(where * len(changed))] ^= flip
    try:
        path.write_bytes(changed)
        report = verified(home)
    finally:
        path.write_bytes(whole)
    line = whole[: int(where * len(whole))].count(b"\n") + 1
    assert report.faults
    assert {fault.file for fault in report.faults} <= {*NAMES}
    # A changed byte is one altered line, never lines that are gone.
    assert [(fault.kind, fault.file, fault.line) for fault in report.faults] == [("altered", name, line)]


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(name=st.sampled_from(NAMES), where=st.floats(0, 1, exclude_max=True), added=st.binary(max_size=3))
def test_any_removed_or_added_byte_is_found(home: Path, name: str, where: float, added: bytes) -> None:
    path = home / "status/record" / name
    whole = path.read_bytes()
    position = int(where * len(whole))
    try:
        path.write_bytes(whole[:position] + added + whole[position + (not added) :])
        report = verified(home)
    finally:
        path.write_bytes(whole)
    assert report.faults


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_changed_byte_of_an_archive_is_found_or_changes_no_entry(
    home: Path, where: float, flip: int
) -> None:
    record = home / "status/record"
    whole = (record / NAMES[0]).read_bytes()
    archived = record / f"{NAMES[0]}.gz"
    changed = bytearray(gzip.compress(whole, mtime=0))
    changed[int(where * len(changed))] ^= flip
    try:
        (record / NAMES[0]).unlink()
        archived.write_bytes(changed)
        report = verified(home)
        same = not report.faults and _content(archived) == whole
    finally:
        archived.unlink()
        (record / NAMES[0]).write_bytes(whole)
    assert report.faults or same


def _content(archived: Path) -> bytes:
    # gzip's own header (its time, the system it names) is no part of the record.
    stream = zlib.decompressobj(wbits=31)
    return stream.decompress(archived.read_bytes())


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(texts=st.lists(st.text(max_size=300), min_size=1, max_size=20), cut=st.integers(1, 4000))
def test_parts_of_any_size_show_the_same_chain(
    texts: list[str], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("record")
    head = write_record(home, [draft(text, ts="2026-11-02") for text in texts], log=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "PART_BYTES", cut)
        patch.setattr(scan, "BLOCK_BYTES", max(1, cut // 3))
        record = os.open(home / "status/record", os.O_RDONLY)
        source = open_segment_file("2026-11.jsonl", record)
        os.close(record)
        whole = EMPTY_SECTION
        for part in parts(source, head.offset // 2 or 0):
            whole = whole.joined_with(scan_part(part))
        source.close()
    assert whole.whole
    assert (whole.lines, whole.first_seq, whole.last_seq, whole.tail) == (len(texts), 1, len(texts), 0)
    assert whole.last_hash == head.hash
