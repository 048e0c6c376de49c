"""`verify` names each change to a record: its kind, file, entry and line."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from qt_audit.record.entry import Draft, chain_hash, line
from qt_audit.record.head import Head, decode
from qt_audit.record.place import Place
from qt_audit.verify import scan
from qt_audit.verify.chain import Report, verify
from tests.support.hostile import BODY, CHAINED, append_chained
from tests.support.records import draft, make_record, write_record

OCTOBER, NOVEMBER = "2026-10.jsonl", "2026-11.jsonl"
Lines = list[bytes]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """100 entries: 40 of October, 60 of November."""
    make_record(tmp_path, 100, start="2026-10-30T08:00:00Z", step=3600)
    assert len((tmp_path / "status/record" / OCTOBER).read_bytes().splitlines()) == 40
    return tmp_path / "status/record"


def look(record: Path) -> Report:
    return verify(Place(str(record.parent.parent), home=True), timeout=2, jobs=1)


def faults(record: Path) -> list[tuple[str, str, int | None, int | None, int | None]]:
    return [(fault.kind, fault.file, fault.seq, fault.last_seq, fault.line) for fault in look(record).faults]


def edit(record: Path, name: str, change: Callable[[Lines], None]) -> None:
    """Change the lines of a segment (with their newlines) in place."""
    path = record / name
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.chmod(0o640)
    path.write_bytes(b"".join(lines))


def set_head(record: Path, **fields: int | str) -> Head:
    head = decode((record / "head").read_bytes())
    assert head is not None
    for field, value in fields.items():
        setattr(head, field, value)
    (record / "head").write_bytes(head.encoded())
    return head


def test_a_whole_record_has_no_fault_and_its_head_is_the_last_line(record: Path) -> None:
    report = look(record)
    last = (record / NOVEMBER).read_bytes().splitlines()[-1]
    assert report.whole
    assert (report.entries, report.first_seq, report.seq, report.segments) == (100, 1, 100, 2)
    assert report.hash == chain_hash(last)


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new)

    return change


def another_prev(data: bytes) -> bytes:
    return data[:-67] + (b"1" if data[-67:-66] == b"0" else b"0") + data[-66:]


CHANGES = {
    "its text": replaced(b"#", b"%"),
    "its number": replaced(b'{"seq":', b'{"seq":9'),
    "its prev": another_prev,
    "its newline": replaced(b"}\n", b"}x"),
    "no JSON any more": replaced(b'{"seq"', b'["seq"'),
    "its end": replaced(b'"}\n', b'".\n'),
    "all of it": lambda _data: b"nothing to see here\n",
    "a line of NULs": lambda data: bytes(len(data) - 1) + b"\n",
    "a newline inside": replaced(b'"source"', b'\n"source"'),
    "not ASCII": replaced(b"#", "ö".encode()),
    "longer than any line may be": replaced(b"#", b"#" * 2_000_000),
}


@pytest.mark.parametrize(
    ("name", "number", "seq"),
    [
        (OCTOBER, 1, 1),
        (OCTOBER, 17, 17),
        (OCTOBER, 40, 40),
        (NOVEMBER, 1, 41),
        (NOVEMBER, 30, 70),
        (NOVEMBER, 60, 100),
    ],
)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_line_is_altered(
    record: Path, change: Callable[[bytes], bytes], name: str, number: int, seq: int
) -> None:
    def alter(lines: Lines) -> None:
        lines[number - 1] = change(lines[number - 1])

    edit(record, name, alter)
    assert faults(record) == [("altered", name, seq, seq, number)]


def test_two_changed_neighbours_are_both_altered(record: Path) -> None:
    def alter(lines: Lines) -> None:
        lines[9] = lines[9].replace(b"#", b"%")
        lines[10] = lines[10].replace(b"#", b"%")

    edit(record, OCTOBER, alter)
    assert faults(record) == [("altered", OCTOBER, 10, 11, 10)]


@pytest.mark.parametrize(("first", "last"), [(1, 1), (5, 5), (5, 9), (39, 39)])
def test_removed_lines_are_missing_with_their_range(record: Path, first: int, last: int) -> None:
    def remove(lines: Lines) -> None:
        del lines[first - 1 : last]

    edit(record, OCTOBER, remove)
    assert faults(record) == [("missing", OCTOBER, first, last, first)]


def test_the_end_of_a_finished_segment_is_missing(record: Path) -> None:
    edit(record, OCTOBER, lambda lines: lines.__delitem__(slice(30, None)))
    assert faults(record) == [("missing", NOVEMBER, 31, 40, 1)]


@pytest.mark.parametrize(("name", "after"), [(OCTOBER, 20), (OCTOBER, 40), (NOVEMBER, 15)])
@pytest.mark.parametrize("what", ["copy", "garbage", "blank", "forged"])
def test_an_inserted_line_is_altered(record: Path, name: str, after: int, what: str) -> None:
    seq = after if name == OCTOBER else after + 40

    def insert(lines: Lines) -> None:
        body = draft("Auto-repair: Never happened").body()
        lines.insert(
            after,
            {
                "copy": lines[after - 5],
                "garbage": b"garbage\n",
                "blank": b"\n",
                "forged": line(seq + 1, "2026-10-30T08:00:00.000000Z", body, "ab" * 32),
            }[what],
        )

    edit(record, name, insert)
    report = look(record)
    assert faults(record) == [("altered", name, seq, seq, after + 1)]
    assert f"line inserted after seq {seq}" in report.faults[0].text


@pytest.mark.parametrize(("name", "first"), [(OCTOBER, 1), (OCTOBER, 12), (OCTOBER, 39), (NOVEMBER, 59)])
def test_swapped_lines_are_altered_and_named_as_swapped(record: Path, name: str, first: int) -> None:
    seq = first if name == OCTOBER else first + 40

    def swap(lines: Lines) -> None:
        lines[first - 1], lines[first] = lines[first], lines[first - 1]

    edit(record, name, swap)
    report = look(record)
    assert faults(record) == [("altered", name, seq, seq + 1, first)]
    assert "swapped" in report.faults[0].text


def test_a_line_that_was_moved_far_is_out_of_order(record: Path) -> None:
    edit(record, OCTOBER, lambda lines: lines.insert(9, lines.pop(19)))
    report = look(record)
    assert {fault.kind for fault in report.faults} == {"altered"}


@pytest.mark.parametrize("kept", [1, 30, 59])
def test_a_cut_tail_is_truncated_against_the_head(record: Path, kept: int) -> None:
    edit(record, NOVEMBER, lambda lines: lines.__delitem__(slice(kept, None)))
    assert faults(record) == [("truncated", NOVEMBER, kept + 41, 100, None)]


def test_a_tail_cut_within_a_line_is_truncated(record: Path) -> None:
    (record / NOVEMBER).write_bytes((record / NOVEMBER).read_bytes()[:-50])
    assert faults(record) == [("truncated", NOVEMBER, 100, 100, None)]


def test_a_segment_cut_to_nothing_is_truncated(record: Path) -> None:
    (record / NOVEMBER).write_bytes(b"")
    assert faults(record) == [("truncated", NOVEMBER, 41, 100, None)]


def test_entries_that_were_never_acknowledged_are_no_fault(record: Path) -> None:
    set_head(record, durable=90)
    edit(record, NOVEMBER, lambda lines: lines.__delitem__(slice(50, None)))
    report = look(record)
    assert report.whole
    assert report.seq == 90
    assert "10 entries are gone behind seq 90 that were never acknowledged" in report.notes[0]


def test_one_acknowledged_entry_more_is_truncated(record: Path) -> None:
    set_head(record, durable=91)
    edit(record, NOVEMBER, lambda lines: lines.__delitem__(slice(50, None)))
    assert faults(record) == [("truncated", NOVEMBER, 91, 100, None)]


def test_a_partial_line_at_the_end_is_torn(record: Path) -> None:
    with (record / NOVEMBER).open("ab") as file:
        file.write(b'{"seq":101,"ts":"2026-11-')
    assert faults(record) == [("torn", NOVEMBER, 101, 101, 61)]


def test_garbage_at_the_end_is_torn(record: Path) -> None:
    with (record / NOVEMBER).open("ab") as file:
        file.write(bytes(300) + b"\n" + bytes(20))
    assert {(kind, file, seq) for kind, file, seq, _, _ in faults(record)} == {("torn", NOVEMBER, 101)}


def test_a_finished_segment_that_ends_within_a_line_is_torn_and_the_rest_missing(record: Path) -> None:
    path = record / OCTOBER
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:-50])
    assert faults(record) == [("torn", OCTOBER, 40, 40, 40), ("missing", NOVEMBER, 40, 40, 1)]


def test_a_middle_segment_that_is_gone_is_missing(tmp_path: Path) -> None:
    make_record(tmp_path, 100, start="2026-09-30T00:00:00Z", step=40000)
    (tmp_path / "status/record" / OCTOBER).unlink()
    report = look(tmp_path / "status/record")
    assert [(fault.kind, fault.file, fault.seq, fault.last_seq) for fault in report.faults] == [
        ("missing", NOVEMBER, 4, 70)
    ]
    assert "2026-09.jsonl" in report.faults[0].text


def test_a_beginning_removed_without_retention_is_missing(record: Path) -> None:
    (record / OCTOBER).unlink()
    assert faults(record) == [("missing", NOVEMBER, 1, 40, 1)]


def test_the_last_segment_gone_is_missing(record: Path) -> None:
    (record / NOVEMBER).unlink()
    assert faults(record) == [("missing", NOVEMBER, 41, 100, None)]


def test_all_segments_gone_is_missing(record: Path) -> None:
    (record / NOVEMBER).unlink()
    (record / OCTOBER).unlink()
    assert faults(record) == [("missing", NOVEMBER, 1, 100, None)]


def test_a_segment_renamed_to_another_month_is_altered(record: Path) -> None:
    (record / OCTOBER).rename(record / "2027-03.jsonl")
    report = look(record)
    assert faults(record) == [("altered", "2027-03.jsonl", 1, 1, None)]
    assert "it holds the entries of 2026-10.jsonl" in report.faults[0].text


def test_a_copy_of_a_segment_under_another_month_is_one_fault_or_two_not_forty(record: Path) -> None:
    (record / "2026-09.jsonl").write_bytes((record / OCTOBER).read_bytes())
    found = faults(record)
    assert 1 <= len(found) <= 3
    assert {kind for kind, *_ in found} == {"altered"}


def test_a_head_that_is_gone_is_missing(record: Path) -> None:
    (record / "head").unlink()
    assert faults(record) == [("missing", "head", None, None, None)]


@pytest.mark.parametrize("content", [b"", bytes(225), b"{}\n"])
def test_a_head_that_cannot_be_read_is_torn(record: Path, content: bytes) -> None:
    (record / "head").write_bytes(content)
    assert faults(record) == [("torn", "head", None, None, None)]


def test_another_hash_in_the_head_is_an_altered_last_line(record: Path) -> None:
    set_head(record, hash="ab" * 32)
    assert faults(record) == [("altered", NOVEMBER, 100, 100, 60)]


def test_a_head_that_a_later_line_contradicts_is_altered(record: Path) -> None:
    lines = (record / NOVEMBER).read_bytes().splitlines(keepends=True)
    set_head(record, seq=90, durable=90, hash="ab" * 32, offset=sum(map(len, lines[:50])))
    assert faults(record) == [("altered", "head", 90, 90, None)]


def test_an_offset_in_the_head_that_is_no_end_of_a_line_is_altered(record: Path) -> None:
    head = set_head(record)
    set_head(record, offset=head.offset - 10)
    assert faults(record) == [("altered", "head", 100, 100, None)]


def test_an_older_head_is_no_fault_because_the_segment_is_the_truth(record: Path) -> None:
    lines = (record / NOVEMBER).read_bytes().splitlines(keepends=True)
    offset = sum(map(len, lines[:50]))
    set_head(record, seq=90, durable=88, hash=chain_hash(lines[49]), offset=offset)
    report = look(record)
    assert report.whole
    assert report.seq == 100


def test_a_head_of_the_month_before_is_no_fault(record: Path) -> None:
    last = (record / OCTOBER).read_bytes().splitlines()[-1]
    size = (record / OCTOBER).stat().st_size
    set_head(record, seq=40, durable=40, hash=chain_hash(last), offset=size, segment=OCTOBER)
    assert look(record).whole


def test_an_empty_new_segment_is_no_fault(record: Path) -> None:
    (record / "2026-12.jsonl").touch()
    assert look(record).whole
    set_head(record, segment="2026-12.jsonl", offset=0)
    assert look(record).whole


def test_lines_after_the_head_that_do_not_continue_the_chain_are_inserted(record: Path) -> None:
    with (record / NOVEMBER).open("ab") as file:
        file.write(line(7, "2026-11-01T00:00:00.000000Z", draft().body(), "cd" * 32))
    assert faults(record) == [("altered", NOVEMBER, 100, 100, 61)]


def test_a_link_in_place_of_a_segment_is_altered(record: Path, tmp_path: Path) -> None:
    (record / OCTOBER).rename(tmp_path / "elsewhere")
    (record / OCTOBER).symlink_to(tmp_path / "elsewhere")
    assert ("altered", OCTOBER, None, None, None) in faults(record)


def archive_by_hand(record: Path, name: str = OCTOBER) -> Path:
    archived = record / f"{name}.gz"
    archived.write_bytes(gzip.compress((record / name).read_bytes(), mtime=0))
    (record / name).unlink()
    return archived


def test_an_archived_segment_is_followed(record: Path) -> None:
    archive_by_hand(record)
    report = look(record)
    assert report.whole
    assert report.entries == 100


def test_a_cut_archive_is_torn(record: Path) -> None:
    archived = archive_by_hand(record)
    archived.write_bytes(archived.read_bytes()[:-40])
    assert ("torn", f"{OCTOBER}.gz") in {(kind, file) for kind, file, *_ in faults(record)}


def test_a_changed_byte_of_an_archive_is_found(record: Path) -> None:
    archived = archive_by_hand(record)
    data = bytearray(archived.read_bytes())
    data[len(data) // 2] ^= 1
    archived.write_bytes(data)
    found = faults(record)
    assert found
    assert found[0][1] == f"{OCTOBER}.gz"
    assert {kind for kind, *_ in found} <= {"altered", "torn", "missing"}


def test_a_changed_line_in_an_archive_is_altered(record: Path) -> None:
    edit(record, OCTOBER, lambda lines: lines.__setitem__(9, lines[9].replace(b"#", b"%")))
    archive_by_hand(record)
    assert faults(record) == [("altered", f"{OCTOBER}.gz", 10, 10, 10)]


def test_several_faults_in_several_segments_are_all_named(record: Path) -> None:
    edit(record, OCTOBER, lambda lines: lines.__setitem__(9, lines[9].replace(b"#", b"%")))
    edit(record, NOVEMBER, lambda lines: lines.__delitem__(20))
    assert faults(record) == [("altered", OCTOBER, 10, 10, 10), ("missing", NOVEMBER, 61, 61, 21)]


def test_a_record_changed_throughout_is_a_bounded_list_of_faults(tmp_path: Path) -> None:
    make_record(tmp_path, 5000, log=False)

    def alter(lines: Lines) -> None:
        for index in range(0, len(lines), 2):
            lines[index] = lines[index].replace(b"#", b"%")

    edit(tmp_path / "status/record", NOVEMBER, alter)
    report = look(tmp_path / "status/record")
    assert len(report.faults) == 1000
    assert report.more_faults == 1500


@pytest.mark.parametrize("body", CHAINED.values(), ids=CHAINED)
@pytest.mark.parametrize("archived", [False, True])
def test_a_line_that_no_writer_wrote_is_altered_though_its_hash_is_right(
    record: Path, body: str, archived: bool
) -> None:
    append_chained(record, BODY, body, BODY)
    name = NOVEMBER
    if archived:
        name = archive_by_hand(record, NOVEMBER).name
    assert faults(record) == [("altered", name, 102, 102, 62)]


@pytest.mark.parametrize(
    ("fill", "count"), [(b"\n", 50_000), (b'{"seq":\n', 50_000), (b"x\n{\n", 100_000), (b"\0\n", 50_000)]
)
@pytest.mark.parametrize("name", [OCTOBER, NOVEMBER])
def test_a_flood_of_lines_that_are_no_entries_is_one_fault(
    record: Path, name: str, fill: bytes, count: int
) -> None:
    edit(record, name, lambda lines: lines.insert(20, fill * 50_000))
    (fault,) = look(record).faults
    assert (fault.kind, fault.file, fault.line, fault.lines) == ("altered", name, 21, count)
    assert look(record).entries == 100


def test_a_flood_of_copies_of_a_line_is_one_fault(record: Path) -> None:
    edit(record, NOVEMBER, lambda lines: lines.insert(20, lines[3] * 3000))
    (fault,) = look(record).faults
    assert (fault.kind, fault.line, fault.lines) == ("altered", 21, 3000)


@pytest.mark.parametrize("cut", [1000, 100_000])
def test_a_line_longer_than_a_part_of_the_file_is_one_fault(
    record: Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "PART_BYTES", cut)
    edit(record, NOVEMBER, lambda lines: lines.__setitem__(20, b'{"seq":61,' + b"x" * 3_000_000 + b"\n"))
    assert faults(record) == [("altered", NOVEMBER, 61, 61, 21)]


def test_a_long_line_without_an_end_is_torn_with_its_size(record: Path) -> None:
    with (record / NOVEMBER).open("ab") as file:
        file.write(bytes(3_000_000))
    (fault,) = look(record).faults
    assert (fault.kind, fault.line) == ("torn", 61)
    assert fault.text.startswith("3000000 bytes behind the last entry")


def test_an_archive_that_expands_beyond_measure_is_altered(record: Path) -> None:
    (record / "2026-09.jsonl.gz").write_bytes(gzip.compress(b"\n" * (1 << 26)))
    assert faults(record) == [("altered", "2026-09.jsonl.gz", 1, 1, None)]


def removal(last_seq: int, last_hash: str) -> Draft:
    removed = {"segment": OCTOBER, "first_seq": 1, "last_seq": last_seq, "last_hash": last_hash}
    return draft("Removed", ts="2026-12-20", source="audit_archive", details={"removed": removed})


def retention(months: int, ts: str = "2026-11-01") -> Draft:
    return draft("Retention", ts=ts, source="audit_archive", details={"retention": {"keep_months": months}})


@pytest.mark.parametrize("named", ["the range", "another hash", "an earlier end"])
def test_a_missing_beginning_is_accepted_only_if_retention_names_its_end(tmp_path: Path, named: str) -> None:
    base = tmp_path / "second"
    head = write_record(base, [draft(f"old {n}", ts="2026-10-30") for n in range(40)])
    assert head.seq == 40
    told = {"the range": (40, head.hash), "another hash": (40, "ab" * 32), "an earlier end": (39, head.hash)}[
        named
    ]
    base = tmp_path / "third"
    old = [draft(f"old {n}", ts="2026-10-30") for n in range(40)]
    new = [retention(1), draft("new", ts="2026-11-02")]
    write_record(base, [*old, *new, removal(*told), draft("last", ts="2026-12-21")])
    record = base / "status/record"
    assert look(record).whole
    (record / OCTOBER).unlink()
    report = look(record)
    if named == "the range":
        assert report.whole
        assert report.first_seq == 41
        assert "removed by retention" in report.notes[0]
    else:
        assert report.faults[0].kind == "missing"
        assert report.faults[0].last_seq == 40


DISAGREEMENTS: dict[str, tuple[list[Draft], str]] = {
    "never on": ([], "no entry before it sets QT_ARCHIVE_KEEP_MONTHS"),
    "switched off": (
        [retention(1), retention(0, "2026-11-02")],
        "retention was off: QT_ARCHIVE_KEEP_MONTHS was 0 by entry 42",
    ),
    "too young": ([retention(2)], "had ended 1 months before, and QT_ARCHIVE_KEEP_MONTHS was 2 by entry 41"),
}


@pytest.mark.parametrize(("settings", "says"), DISAGREEMENTS.values(), ids=DISAGREEMENTS.keys())
def test_a_removal_that_the_settings_of_its_time_do_not_allow_is_a_fault(
    tmp_path: Path, settings: list[Draft], says: str
) -> None:
    old = [draft(f"old {n}", ts="2026-10-30") for n in range(40)]
    last_old = write_record(tmp_path / "old", old)
    told = removal(40, last_old.hash)
    base = tmp_path / "new"
    settings = settings or [draft("new", ts="2026-11-01")]
    write_record(base, [*old, *settings, told, retention(1, "2026-12-21")])
    record = base / "status/record"
    assert look(record).whole
    (record / OCTOBER).unlink()
    report = look(record)
    assert [(fault.kind, fault.seq, fault.last_seq) for fault in report.faults] == [("missing", 1, 40)]
    number = 41 + len(settings)
    assert f"entry {number} says that retention removed seq 1 to 40, but " in report.faults[0].text
    assert says in report.faults[0].text
    assert report.notes == ()
