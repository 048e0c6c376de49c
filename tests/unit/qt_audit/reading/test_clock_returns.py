"""Reading a record whose clock was ahead once: the order of entries is that of their `seq`."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt_audit.reading.follow import Follower
from qt_audit.reading.history import History
from qt_audit.record.place import Place
from qt_audit.upkeep import log_rebuild
from qt_audit.upkeep.archive import Plan, Step, archive
from qt_audit.verify.chain import verify
from qt_audit.verify.removals import Removal
from tests.support.recording import cli, succeeded

BEFORE, AHEAD, AFTER, NEXT_MONTH = (
    "2026-08-20 10:00:00",
    "2029-01-01 10:00:00",
    "2026-08-20 11:00:00",
    "2026-09-01 10:00:00",
)


def log(home: Path, clock: str, action: str) -> None:
    succeeded(cli(home, "log", action, prefix=("faketime", "-f", f"@{clock}")))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seq 1 before the leap, 2 ahead, 3 and 4 about it, 5 and 6 after it, the last one in the next month."""
    made = tmp_path_factory.mktemp("returned") / "qt"
    for clock, action in ((BEFORE, "before"), (AHEAD, "ahead"), (AFTER, "after"), (NEXT_MONTH, "month")):
        log(made, clock, action)
    return made


@pytest.fixture
def place(home: Path) -> Place:
    return Place(str(home), home=True)


def test_all_entries_and_the_last_ones_come_in_the_order_of_seq(place: Place) -> None:
    assert [entry.seq for entry in History(place).window()] == [1, 2, 3, 4, 5, 6]
    assert [entry.seq for entry in History(place).last(4)] == [3, 4, 5, 6]
    assert [entry.seq for entry in Follower(place, None).poll()] == [1, 2, 3, 4, 5, 6]
    first, head = History(place).first(), History(place).head()
    assert first is not None
    assert head is not None
    assert (first.seq, head.seq) == (1, 6)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-08-20", "2026-08-21", [1, 3, 4, 5]),
        ("2026-08-20T10:30", "2026-08-21", [3, 4, 5]),
        ("2026-09", "2026-10", [6]),
        ("2027", "2030", [2]),
        ("2026-09", "2030", [2, 6]),
    ],
)
def test_a_window_finds_its_entries_in_every_segment(
    place: Place, since: str, until: str, expected: list[int]
) -> None:
    assert [entry.seq for entry in History(place).window(since, until)] == expected
    assert History(place).count(since, until) == len(expected)


def test_who_read_up_to_an_entry_is_given_what_follows_it(place: Place) -> None:
    entries = list(History(place).window())
    for number, entry in enumerate(entries, 1):
        assert [one.seq for one in History(place).after(entry.seq, entry.ts)] == list(range(number + 1, 7))
        assert [one.seq for one in Follower(place, entry).poll()] == list(range(number + 1, 7))


def test_a_follower_goes_on_over_a_leap_and_the_return(tmp_path: Path) -> None:
    log(tmp_path / "qt", BEFORE, "before")
    follower, seen = Follower(Place(str(tmp_path / "qt"), home=True), None), []
    for clock in (BEFORE, AHEAD, AHEAD, AFTER, AFTER, NEXT_MONTH):
        seen += [entry.seq for entry in follower.poll()]
        log(tmp_path / "qt", clock, "next")
    seen += [entry.seq for entry in follower.poll()]
    follower.close()
    assert seen == list(range(1, 10))


def test_a_follower_goes_on_after_a_clock_that_fell_behind(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    for minute in (10, 30, 50):
        log(home, f"2026-08-20 10:{minute}:00", "before")
    place = Place(str(home), home=True)
    follower = Follower(place, History(place).last(1)[0])
    assert list(follower.poll()) == []
    (home / "status/record/2026-09.jsonl").touch()  # a writer died when it had made it
    assert list(follower.poll()) == []
    for _ in range(2):
        log(home, "2026-08-20 09:00:00", "behind")
        assert [entry.action for entry in follower.poll()][-1] == "behind"
    log(home, NEXT_MONTH, "month")
    assert [entry.seq for entry in follower.poll()] == [8]
    follower.close()


def test_verify_follows_the_chain_over_the_leap(home: Path, place: Place) -> None:
    report = verify(place, 2)
    assert report.whole
    assert (report.entries, report.seq, report.segments) == (6, 6, 4)


def test_verify_names_what_was_altered_in_a_numbered_segment(tmp_path: Path) -> None:
    for clock in (BEFORE, AHEAD, AFTER, NEXT_MONTH):
        log(tmp_path / "qt", clock, "written")
    segment = tmp_path / "qt/status/record/2026-08.2.jsonl"
    segment.chmod(0o640)
    segment.write_bytes(segment.read_bytes().replace(b'"written"', b'"altered"'))
    (fault,) = verify(Place(str(tmp_path / "qt"), home=True), 2).faults
    assert (fault.kind, fault.file, fault.seq) == ("altered", "2026-08.2.jsonl", 5)
    segment.unlink()
    (fault,) = verify(Place(str(tmp_path / "qt"), home=True), 2).faults
    assert (fault.kind, fault.seq, fault.last_seq) == ("missing", 3, 5)


def test_the_log_is_rebuilt_in_the_order_of_seq(tmp_path: Path) -> None:
    for clock in (BEFORE, AHEAD, AFTER, NEXT_MONTH):
        log(tmp_path / "qt", clock, f"at {clock}")
    file = tmp_path / "qt/status/AUTO_REPAIR_AUDIT.log"
    lines = file.read_text().splitlines(keepends=True)
    assert len(lines) == 6
    file.unlink()
    place = Place(str(tmp_path / "qt"), home=True)
    assert log_rebuild.rebuild(place, False, 2).lines == 6
    assert file.read_text() == "".join(lines)
    for rotated in range(1, 6):
        file.with_name(f"{file.name}-20260901-1").write_text("".join(lines[:rotated]))
        assert log_rebuild.rebuild(place, False, 2).lines == 6 - rotated
        assert file.read_text() == "".join(lines[rotated:])


def archived(home: Path, plan: Plan, announced: list[Removal]) -> list[Step]:
    return list(archive(Place(str(home), home=True), plan, announced.append))


def test_archiving_and_retention_take_the_segments_in_the_order_of_seq(tmp_path: Path) -> None:
    """A segment of a month that has not come is as old as what was written after it."""
    home = tmp_path / "qt"
    for clock in (BEFORE, AHEAD, AFTER, NEXT_MONTH, "2026-11-15 10:00:00"):
        log(home, clock, "written")
    steps = archived(home, Plan(after=1, keep=0), [])
    assert [(step.what, step.segment) for step in steps] == [
        ("compressed", "2026-08.jsonl"),
        ("compressed", "2029-01.jsonl"),
        ("compressed", "2026-08.2.jsonl"),
        ("compressed", "2026-09.jsonl"),
    ]
    place = Place(str(home), home=True)
    assert verify(place, 2).whole
    assert [entry.seq for entry in History(place).window()] == list(range(1, 8))
    announced: list[Removal] = []
    archived(home, Plan(after=1, keep=2), announced)
    assert [(one.segment, one.first_seq, one.last_seq) for one in announced] == [
        ("2026-08.jsonl", 1, 1),
        ("2029-01.jsonl", 2, 2),
        ("2026-08.2.jsonl", 3, 5),
    ]
