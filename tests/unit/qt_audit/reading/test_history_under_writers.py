"""Reading while others write, months end and segments are archived: no gap, no half entry."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

from qt_audit.reading.follow import Follower
from qt_audit.reading.history import History
from qt_audit.record.journal import append
from qt_audit.record.place import Place
from tests.support.records import archive_segment, draft

MONTHS = [f"{year}-{month:02d}" for year in (2025, 2026) for month in range(1, 13)]
EACH = 40


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def write(place: Place) -> None:
    """Two years of entries; each month is archived once the one after next has begun."""
    for number, month in enumerate(MONTHS):
        for entry in range(EACH):
            append(place, [draft(f"{month} {entry}", ts=f"{month}-01T00:00:{entry:02d}Z")], 10)
        if number >= 2:
            archive_segment(place.path, MONTHS[number - 2])


def test_every_reading_under_a_writer_is_a_whole_beginning_of_the_record(tmp_path: Path) -> None:
    place = Place(str(tmp_path), home=True)
    writer = threading.Thread(target=write, args=(place,))
    writer.start()
    followed, follower, longest = [], Follower(place, None), 0
    try:
        while writer.is_alive():
            history = History(place)
            seqs = [entry.seq for entry in history.window()]
            assert seqs == list(range(1, len(seqs) + 1))
            assert len(seqs) >= longest
            longest = len(seqs)
            assert history.skipped == 0
            last = [entry.seq for entry in history.last(90)]
            assert last == list(range(last[0], last[0] + len(last))) if last else not longest
            assert history.count() >= longest
            followed += [entry.seq for entry in follower.poll()]
    finally:
        writer.join()
    followed += [entry.seq for entry in follower.poll()]
    follower.close()
    assert followed == list(range(1, len(MONTHS) * EACH + 1))


def test_following_keeps_one_file_open_and_closes_it(tmp_path: Path) -> None:
    place = Place(str(tmp_path), home=True)
    before = open_files()
    follower = Follower(place, None)
    for number, month in itertools.product(range(3), MONTHS[:6]):
        append(place, [draft(f"{month} {number}", ts=f"{2025 + number}{month[4:]}-01")], 10)
        assert len(list(follower.poll())) == 1
        assert list(follower.poll()) == []
    assert open_files() == before + 1
    follower.close()
    assert open_files() == before
