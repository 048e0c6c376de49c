"""`audit_logger.py tail`: the last entries, and those that follow, whatever happens to the files."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qt_audit.record.journal import append
from qt_audit.record.place import LOG_NAME, Place
from tests.support.checkout import FACE
from tests.support.records import archive_segment, cli, cli_environment, draft, make_record


class Following:
    """A running `tail -f`, and the lines that it prints."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, str(FACE), "tail", "-f", *arguments],
            env=cli_environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def next(self) -> str:
        """The action of the next line."""
        return self._lines.get(timeout=30).partition("] ")[2]

    def add(self, action: str, ts: str) -> None:
        append(Place(str(self.home), home=True), [draft(action, ts=ts)], 5)

    def end(self) -> tuple[int, str, list[str]]:
        """End it as Ctrl-C does: its status, what it said on stderr, what it printed that nobody took."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        self._thread.join(30)
        status = self.process.wait(30)
        rest = []
        while not self._lines.empty():
            rest.append(self._lines.get())
        return status, said, rest


Follow = Callable[..., Following]


@pytest.fixture
def follow() -> Iterator[Follow]:
    running: list[Following] = []

    def begin(home: Path, *arguments: str) -> Following:
        running.append(Following(home, *arguments))
        return running[-1]

    yield begin
    for following in running:
        if following.process.poll() is None:
            following.process.kill()
            following.process.wait()


def segment(home: Path, month: str) -> Path:
    return home / "status/record" / f"{month}.jsonl"


@pytest.mark.parametrize(
    ("arguments", "count"), [([], 10), (["-n", "3"], 3), (["-n", "0"], 0), (["-n", "99"], 50)]
)
def test_the_last_entries_are_shown_oldest_first(tmp_path: Path, arguments: list[str], count: int) -> None:
    make_record(tmp_path, 50, "2026-10-31", 3600)
    lines = cli(tmp_path, "tail", *arguments).stdout.splitlines()
    assert [int(line.rpartition("#")[2]) for line in lines] == list(range(51 - count, 51))


def test_json_lines_are_the_records_own(tmp_path: Path) -> None:
    make_record(tmp_path, 50, "2026-10-31", 3600)
    shown = cli(tmp_path, "tail", "-n", "2", "--json").stdout
    assert shown == "".join(segment(tmp_path, "2026-11").read_text().splitlines(keepends=True)[-2:])
    assert json.loads(shown.splitlines()[-1])["seq"] == 50


def test_a_record_that_does_not_exist_has_no_last_entries(tmp_path: Path) -> None:
    result = cli(tmp_path / "none", "tail")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("n", ["-1", "x", "1.5", ""])
def test_wrong_use_is_one_line_and_status_2(tmp_path: Path, n: str) -> None:
    result = cli(
        tmp_path, "tail", f"-n={n}" if n.startswith("-") else "-n", *([] if n.startswith("-") else [n])
    )
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)


def test_following_shows_each_entry_once_and_ends_with_ctrl_c(tmp_path: Path, follow: Follow) -> None:
    make_record(tmp_path, 5, "2026-11-22")
    following = follow(tmp_path, "-n", "2")
    assert [following.next()[-2:] for _ in range(2)] == ["#4", "#5"]
    for number in range(20):
        following.add(f"New {number}", "2026-11-22T12:00:00Z")
    assert [following.next() for _ in range(20)] == [f"New {number}" for number in range(20)]
    assert following.end() == (130, "", [])


def test_following_begins_before_there_is_a_record(tmp_path: Path, follow: Follow) -> None:
    home = tmp_path / "home"
    following = follow(home)
    assert not home.exists()
    following.add("The very first", "2026-11-22")
    assert following.next() == "The very first"
    following.add("The second", "2026-11-22")
    assert following.next() == "The second"
    assert following.end() == (130, "", [])


def test_following_goes_on_over_the_turn_of_months_and_an_archived_segment(
    tmp_path: Path, follow: Follow
) -> None:
    make_record(tmp_path, 3, "2026-10-31")
    following = follow(tmp_path, "-n", "1")
    assert following.next().endswith("#3")
    following.add("Late October", "2026-10-31T23:59:59Z")
    following.add("November", "2026-11-01")
    archive_segment(tmp_path, "2026-10")
    assert [following.next(), following.next()] == ["Late October", "November"]
    for month in ("2026-12", "2027-01", "2027-02"):
        following.add(month, f"{month}-01")
    archive_segment(tmp_path, "2026-12")
    archive_segment(tmp_path, "2027-01")
    assert [following.next() for _ in range(3)] == ["2026-12", "2027-01", "2027-02"]
    assert following.end() == (130, "", [])


def test_following_goes_on_when_the_log_is_rotated(tmp_path: Path, follow: Follow) -> None:
    make_record(tmp_path, 1, "2026-11-22")
    following = follow(tmp_path, "-n", "1")
    log = tmp_path / "status" / LOG_NAME
    assert following.next().endswith("#1")
    following.add("Before", "2026-11-22T01:00:00Z")
    log.rename(log.with_suffix(".log-20261122"))
    following.add("After", "2026-11-22T02:00:00Z")
    assert [following.next(), following.next()] == ["Before", "After"]
    assert following.end() == (130, "", [])


def test_following_goes_on_when_a_segment_is_removed_under_the_writers(
    tmp_path: Path, follow: Follow
) -> None:
    make_record(tmp_path, 3, "2026-11-22")
    following = follow(tmp_path, "-n", "1")
    assert following.next().endswith("#3")
    following.add("Into the old one", "2026-11-22T12:00:00Z")
    assert following.next() == "Into the old one"
    segment(tmp_path, "2026-11").rename(tmp_path / "taken-away")
    following.add("Into a new one", "2026-11-22T13:00:00Z")
    # The record tells of the loss itself, before it goes on.
    assert following.next() == "Audit record: segment 2026-11.jsonl is gone"
    assert following.next() == "Into a new one"
    assert following.end() == (130, "", [])


def test_following_shows_a_line_only_once_it_is_whole(tmp_path: Path, follow: Follow) -> None:
    make_record(tmp_path, 3, "2026-11-22")
    following = follow(tmp_path, "-n", "1")
    assert following.next().endswith("#3")
    with segment(tmp_path, "2026-11").open("ab") as file:
        file.write(b'{"seq":4,"ts":"2026-11-22T05:00:00.000000Z","action":"torn')
    following.add("After the torn one", "2026-11-22T12:00:00Z")
    assert following.next() == "Audit record: repaired a torn tail"
    assert following.next() == "After the torn one"
    assert following.end() == (130, "", [])
