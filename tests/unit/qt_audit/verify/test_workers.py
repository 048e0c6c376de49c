"""Tasks in several processes: every task is done once, and a lost one is noticed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qt_audit.record.place import Place
from qt_audit.verify.chain import verify
from qt_audit.verify.workers import run_in_processes
from tests.support.records import make_record


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def dies_at(piece: int, how: Callable[[], object]) -> Callable[[int], list[int]]:
    def work(number: int) -> list[int]:
        if number >= piece:
            how()
        return [number * number, os.getpid()]

    return work


def raises() -> None:
    raise OSError("a bad sector")


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("count", [0, 1, 3, 500])
@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_task_is_done_once(count: int, jobs: int) -> None:
    found = list(run_in_processes(lambda number: [number * number, os.getpid()], count, jobs))
    assert sorted((number, square) for number, (square, _) in found) == [(n, n * n) for n in range(count)]
    assert os.getpid() not in {pid for _, (_, pid) in found}


@pytest.mark.parametrize("how", [raises, killed])
def test_tasks_whose_processes_die_are_missing_and_nothing_waits_for_them(
    how: Callable[[], object],
) -> None:
    found = dict(run_in_processes(dies_at(40, how), 500, 3))
    assert set(found) == set(range(40))


@pytest.mark.parametrize("how", [raises, killed])
def test_a_process_that_dies_loses_only_its_own_task(how: Callable[[], object]) -> None:
    def work(number: int) -> list[int]:
        if number == 7:
            how()
        return [number]

    assert set(dict(run_in_processes(work, 200, 2))) == set(range(200)) - {7}


def test_a_caller_that_stops_early_ends_the_processes() -> None:
    found = run_in_processes(lambda number: [number], 10_000, 2)
    assert next(found)[0] in range(4)
    found.close()


def test_the_record_is_verified_in_one_process_if_no_other_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = make_record(tmp_path, 60_000, log=False)
    monkeypatch.setattr(os, "fork", raises)
    report = verify(Place(str(tmp_path), home=True), 1.0, jobs=2)
    assert report.whole
    assert (report.entries, report.hash) == (60_000, head.hash)
