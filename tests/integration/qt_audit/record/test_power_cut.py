"""Power cuts: older copies of segment and head in place of the newest, independently of each other.

What was never acknowledged may go without a word; what was acknowledged may not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.recording import (
    actions,
    check,
    cli,
    head_of,
    notes,
    program,
    read_record,
    record_of,
    succeeded,
)

OCTOBER = ("faketime", "-f", "@2026-10-31 12:00:00")
NOVEMBER = ("faketime", "-f", "@2026-11-01 12:00:00")


class Copies:
    """What head and segments were after each entry."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.heads: list[bytes] = []
        self.segments: list[bytes] = []

    def write(self, count: int) -> None:
        for _ in range(count):
            succeeded(cli(self.home, "log", f"entry {len(self.heads) + 1}"))
            self.heads.append(self.head.read_bytes())
            self.segments.append(self.segment.read_bytes())

    @property
    def head(self) -> Path:
        return record_of(self.home) / "head"

    @property
    def segment(self) -> Path:
        return next(record_of(self.home).glob("*.jsonl"))

    def head_with(self, durable: int, seq: int) -> bytes:
        """The head after entry `seq`, when all up to `durable` was known to be synced."""
        head = self.heads[seq - 1].decode()
        return head.replace(head[11:31], f"{durable:20d}", 1).encode()


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    made = Copies(tmp_path / "qt")
    made.write(6)
    return made


@pytest.mark.parametrize("at", [1, 3, 5])
def test_an_older_head_loses_no_entry_and_is_no_fault(copies: Copies, at: int) -> None:
    copies.head.write_bytes(copies.heads[at - 1])
    succeeded(cli(copies.home, "log", "after"))
    entries = check(copies.home)
    assert actions(entries) == [f"entry {n}" for n in range(1, 7)] + ["after"]


@pytest.mark.parametrize("state", ["missing", "empty", "torn", "zeros"])
def test_a_lost_head_is_rebuilt_and_recorded(copies: Copies, state: str) -> None:
    """It was the witness against a cut tail: that it is gone is said, though every entry is there."""
    if state == "missing":
        copies.head.unlink()
    else:
        content = {"empty": b"", "torn": copies.heads[5][:100], "zeros": bytes(len(copies.heads[5]))}
        copies.head.write_bytes(content[state])
    succeeded(cli(copies.home, "log", "after"))
    entries = check(copies.home)
    assert actions(entries)[:6] == [f"entry {n}" for n in range(1, 7)]
    assert actions(entries)[-1] == "after"
    told = notes(entries)
    assert [note["outcome"] for note in told] == ["failed"]
    assert "head was" in told[0]["action"]
    assert told[0]["details"]["head_seq"] == 6


@pytest.mark.parametrize("present", [4, 5])
def test_lost_unsynced_entries_are_no_fault(copies: Copies, present: int) -> None:
    """The head came to the disk by itself, what lies behind its `durable` did not."""
    copies.head.write_bytes(copies.head_with(durable=4, seq=6))
    copies.segment.write_bytes(copies.segments[present - 1])
    (copies.home / "status/AUTO_REPAIR_AUDIT.log").unlink()
    succeeded(cli(copies.home, "log", "after"))
    entries = read_record(record_of(copies.home))
    assert actions(entries) == [f"entry {n}" for n in range(1, present + 1)] + ["after"]


def test_half_a_line_that_was_never_acknowledged_is_no_fault(copies: Copies) -> None:
    copies.head.write_bytes(copies.head_with(durable=4, seq=6))
    copies.segment.write_bytes(copies.segments[4][:-20])
    succeeded(cli(copies.home, "log", "after"))
    entries = read_record(record_of(copies.home))
    assert actions(entries)[:4] == [f"entry {n}" for n in range(1, 5)]
    assert [note["outcome"] for note in notes(entries)] == ["succeeded"]


@pytest.mark.parametrize("present", [0, 1, 3])
def test_missing_acknowledged_entries_are_recorded(copies: Copies, present: int) -> None:
    copies.head.write_bytes(copies.head_with(durable=5, seq=6))
    copies.segment.write_bytes(copies.segments[present - 1] if present else b"")
    prev = json.loads(copies.heads[5])["hash"]
    succeeded(cli(copies.home, "log", "after"))
    lines = copies.segment.read_bytes().split(b"\n")[:-1]
    note: dict[str, Any] = json.loads(lines[present])
    assert note["source"] == "audit_record"
    assert note["outcome"] == "failed"
    assert note["details"]["missing_first_seq"] == present + 1
    assert note["details"]["missing_last_seq"] == 6
    assert note["seq"] == 7
    assert note["prev"] == prev
    assert json.loads(lines[present + 1])["action"] == "after"


def test_a_whole_line_that_was_altered_is_not_cut_off_with_the_tail(copies: Copies) -> None:
    """The line is evidence, the more so when what follows it is gone."""
    copies.head.write_bytes(copies.head_with(durable=6, seq=6))
    altered = copies.segments[3][:-10] + b"XXXXXXXXX\n"
    copies.segment.write_bytes(altered)
    succeeded(cli(copies.home, "log", "after"))
    assert copies.segment.read_bytes().startswith(altered)


def test_a_head_of_an_earlier_month_is_moved_to_the_end(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    heads = []
    for number, month in enumerate([OCTOBER, OCTOBER, NOVEMBER, NOVEMBER], 1):
        succeeded(cli(home, "log", f"entry {number}", prefix=month))
        heads.append((record_of(home) / "head").read_bytes())
    for old in heads[:3]:
        (record_of(home) / "head").write_bytes(old)
        succeeded(cli(home, "log", "after", prefix=NOVEMBER))
        check(home)
    entries = check(home)
    assert len(entries) == 7
    assert notes(entries) == []
    assert head_of(home)["segment"] == "2026-11.jsonl"


def test_a_head_of_an_earlier_month_is_moved_to_the_end_also_if_the_clock_is_back_in_it(
    tmp_path: Path,
) -> None:
    home = tmp_path / "qt"
    heads = []
    for number, month in enumerate([OCTOBER, OCTOBER, NOVEMBER, NOVEMBER], 1):
        succeeded(cli(home, "log", f"entry {number}", prefix=month))
        heads.append((record_of(home) / "head").read_bytes())
    for old in heads[:3]:
        (record_of(home) / "head").write_bytes(old)
        succeeded(cli(home, "log", "after", prefix=OCTOBER))
        check(home)
    entries = check(home)
    assert actions([entry for entry in entries if entry["source"] != "audit_record"]) == [
        *(f"entry {number}" for number in range(1, 5)),
        *["after"] * 3,
    ]
    assert len(notes(entries)) == 2
    assert head_of(home)["segment"] == "2026-10.2.jsonl"


AHEAD = ("faketime", "-f", "@2029-01-01 12:00:00")


@pytest.mark.parametrize("kept", ["nothing", "an empty segment", "one line", "half a line", "all lines"])
@pytest.mark.parametrize("head", ["old", "new"])
def test_a_power_cut_at_the_return_of_a_clock_that_was_ahead(tmp_path: Path, kept: str, head: str) -> None:
    """Nothing of the new segment was acknowledged: what is gone of it is said again."""
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "october", prefix=OCTOBER))
    succeeded(cli(home, "log", "ahead", prefix=AHEAD))
    old_head = (record_of(home) / "head").read_bytes()
    succeeded(cli(home, "log", "november", prefix=NOVEMBER))
    segment, new_head = record_of(home) / "2026-11.2.jsonl", (record_of(home) / "head").read_bytes()
    durable = new_head[11:31]
    assert int(durable) == 5
    lines = segment.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    content = {
        "an empty segment": b"",
        "one line": lines[0],
        "half a line": lines[0][:100],
        "all lines": b"".join(lines),
    }
    if kept == "nothing":
        segment.unlink()
    else:
        segment.write_bytes(content[kept])
    cut_head = old_head if head == "old" else new_head.replace(durable, f"{2:20d}".encode(), 1)
    (record_of(home) / "head").write_bytes(cut_head)
    (home / "status/AUTO_REPAIR_AUDIT.log").unlink()
    succeeded(cli(home, "log", "after", prefix=NOVEMBER))
    entries = read_record(record_of(home))
    assert [entry["action"] for entry in entries][:2] == ["october", "ahead"]
    assert entries[-1]["action"] == "after"
    assert entries[-1]["ts"].startswith("2026-11-01")
    states = [note["details"]["clock"]["state"] for note in notes(entries) if "clock" in note["details"]]
    assert states in (["ahead"], ["ahead", "ahead"])
    assert head_of(home)["segment"] == "2026-11.2.jsonl"


def test_an_older_head_whose_segment_is_archived_by_now_finds_the_end(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    heads = []
    for number, month in enumerate(["2026-08-15", "2026-09-15", "2026-10-15", "2026-11-15"], 1):
        succeeded(cli(home, "log", f"entry {number}", prefix=("faketime", "-f", f"@{month} 12:00:00")))
        heads.append((record_of(home) / "head").read_bytes())
    succeeded(cli(home, "archive", prefix=("faketime", "-f", "@2026-12-20 12:00:00")))
    assert (record_of(home) / "2026-09.jsonl.gz").exists()
    for old in heads:
        (record_of(home) / "head").write_bytes(old)
        succeeded(cli(home, "log", "after", prefix=("faketime", "-f", "@2026-12-21 12:00:00")))
    entries = check(home)
    assert notes([entry for entry in entries if "archiv" not in entry["action"].lower()]) == []
    assert len([entry for entry in entries if entry["action"] == "after"]) == 4


def test_a_deleted_segment_does_not_make_older_ones_foreign(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    for number, month in enumerate(["2026-09-15", "2026-10-15", "2026-11-15"], 1):
        succeeded(cli(home, "log", f"entry {number}", prefix=("faketime", "-f", f"@{month} 12:00:00")))
    (record_of(home) / "2026-11.jsonl").unlink()
    succeeded(cli(home, "log", "after", prefix=("faketime", "-f", "@2026-11-16 12:00:00")))
    lines = (record_of(home) / "2026-11.jsonl").read_bytes().split(b"\n")[:-1]
    assert [json.loads(line)["seq"] for line in lines] == [4, 5]
    note = json.loads(lines[0])
    assert note["action"] == "Audit record: segment 2026-11.jsonl is gone"
    assert note["details"]["missing_first_seq"] == 3
    assert note["details"]["missing_last_seq"] == 3


@pytest.mark.parametrize("content", [b"", b"garbage", b"garbage\n", b'{"seq":1}\n'])
def test_a_foreign_file_of_a_later_month_does_not_move_the_head(tmp_path: Path, content: bytes) -> None:
    """Left by a clock that was ahead, or by a hand: neither the time nor the record's end goes there."""
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "first", prefix=OCTOBER))
    (record_of(home) / "2026-11.jsonl").write_bytes(content)
    (record_of(home) / "2099-01.jsonl").write_bytes(content)
    head = (record_of(home) / "head").read_bytes()
    succeeded(cli(home, "log", "second", prefix=OCTOBER))
    (record_of(home) / "head").write_bytes(head)
    succeeded(cli(home, "log", "third", prefix=OCTOBER))
    succeeded(cli(home, "log", "fourth", prefix=NOVEMBER))
    (record_of(home) / "2099-01.jsonl").unlink()
    entries = check(home)
    assert [action for action in actions(entries) if not action.startswith("Audit record")] == [
        "first",
        "second",
        "third",
        "fourth",
    ]
    assert entries[-1]["ts"].startswith("2026-11-01T12:00")


def test_a_foreign_entry_of_a_later_month_does_not_move_the_head(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "first", prefix=OCTOBER))
    stray = (record_of(home) / "2026-10.jsonl").read_bytes()
    succeeded(cli(home, "log", "second", prefix=OCTOBER))
    later = record_of(home) / "2026-11.jsonl"
    later.write_bytes(stray.replace(b"2026-10-31", b"2026-11-30"))
    head = (record_of(home) / "head").read_bytes()
    succeeded(cli(home, "log", "third", prefix=OCTOBER))
    (record_of(home) / "head").write_bytes(head)
    succeeded(cli(home, "log", "fourth", prefix=OCTOBER))
    done = cli(home, "log", "fifth", prefix=NOVEMBER)
    succeeded(done)
    assert "cannot write" not in done.stderr
    october = (record_of(home) / "2026-10.jsonl").read_text()
    assert [json.loads(line)["action"] for line in october.splitlines()][:3] == ["first", "second", "third"]
    assert "fourth" in october
    november = [json.loads(line) for line in later.read_text().splitlines()]
    assert november[0]["seq"] == 1
    assert november[-1]["action"] == "fifth"


def test_the_head_is_on_disk_before_the_first_entry_is(tmp_path: Path) -> None:
    """So that no power cut leaves entries without a witness: seen by the order of the system calls."""
    home = tmp_path / "qt"
    code = """
    calls = []
    real_write, real_sync, real_pwrite = os.write, os.fdatasync, os.pwrite
    def name(descriptor):
        return os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
    def write(descriptor, data):
        calls.append(("write", name(descriptor)))
        return real_write(descriptor, data)
    def pwrite(descriptor, data, offset):
        calls.append(("write", name(descriptor)))
        return real_pwrite(descriptor, data, offset)
    def sync(descriptor):
        calls.append(("sync", name(descriptor)))
        return real_sync(descriptor)
    os.write, os.pwrite, os.fdatasync = write, pwrite, sync
    log_action("first")
    json.dump(calls, sys.stdout)
    """
    calls = [tuple(call) for call in json.loads(succeeded(program(home, code)))]
    segment = next(name for _, name in calls if name.endswith(".jsonl"))
    assert calls.index(("sync", "head")) < calls.index(("write", segment)) < calls.index(("sync", segment))


def test_a_durable_beyond_the_last_entry_does_not_stop_the_sync(copies: Copies) -> None:
    copies.head.write_bytes(copies.head_with(durable=900, seq=6))
    code = """
    synced, real = [], os.fdatasync
    def sync(descriptor):
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        return real(descriptor)
    os.fdatasync = sync
    assert log_action("after")
    print(*synced)
    """
    assert succeeded(program(copies.home, code)).strip() == copies.segment.name
    assert head_of(copies.home)["durable"] == 7
