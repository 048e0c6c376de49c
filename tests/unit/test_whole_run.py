"""What the workers of one run of the tests share is made once, and a failure is told to all of them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sandbox import places
from tests.support.whole_run import WholeRun


def test_a_thing_is_made_once_however_many_ask(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(directory: Path) -> None:
        made.append(directory)
        (directory / "thing").write_text("made")

    found: list[str] = []
    asking = [
        threading.Thread(
            target=lambda: found.append((WholeRun(tmp_path).once("it", make) / "thing").read_text())
        )
        for _ in range(4)
    ]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert found == ["made"] * 4
    assert len(made) == 1


def test_what_could_not_be_made_fails_for_all_with_the_reason_and_is_not_tried_again(tmp_path: Path) -> None:
    tries: list[Path] = []

    def make(directory: Path) -> None:
        tries.append(directory)
        pytest.fail("no VPS today")

    run = WholeRun(tmp_path)
    for _ in range(2):
        with pytest.raises(pytest.fail.Exception, match="no VPS today"):
            run.once("it", make)
    assert len(tries) == 1


def test_what_was_interrupted_half_way_is_made_again(tmp_path: Path) -> None:
    def interrupted(directory: Path) -> None:
        (directory / "half").touch()
        raise KeyboardInterrupt

    run = WholeRun(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run.once("it", interrupted)
    assert list(run.once("it", lambda directory: None).iterdir()) == [tmp_path / "it" / "whole"]


def test_a_run_holds_its_lock_and_leaves_nothing() -> None:
    with WholeRun.begin() as run:
        assert places.is_held(run.held)
        run.once("it", lambda directory: (directory / "thing").touch())
    assert not run.directory.exists()


def test_the_workers_of_this_run_have_one_directory_and_its_lock_is_held(whole_run: WholeRun) -> None:
    assert places.is_held(whole_run.held)
