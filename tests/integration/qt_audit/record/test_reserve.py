"""A disk that is full to its last byte: the reserve lets entries be recorded at home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.recording import (
    BOUND,
    actions,
    check,
    cli,
    fallback_record,
    fill,
    log_lines,
    program,
    read_record,
    record_of,
    small_disk,
    start,
    succeeded,
)

MEGABYTE = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 32 MB."""
    with small_disk(tmp_path / "disk", 32 * 1024) as place:
        yield place


@pytest.fixture
def home(disk: Path) -> Path:
    """An installation on that disk that was used before."""
    home = disk / "qt"
    for name in ("one", "two"):
        succeeded(cli(home, "log", name, XDG_STATE_HOME=str(home.parent / "state")))
    return home


def reserve(home: Path) -> Path:
    return home / "status/.reserve"


def test_the_reserve_is_a_megabyte_that_only_its_owner_can_read(home: Path) -> None:
    status = reserve(home).stat()
    assert status.st_mode & 0o777 == 0o600
    assert status.st_blocks * 512 >= MEGABYTE
    assert status.st_uid == home.stat().st_uid


def test_no_reserve_is_created_if_little_space_is_free(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 8 * 1024) as disk:
        succeeded(program(disk / "qt", 'log_action("one"); time.sleep(1.1); log_action("two")'))
        assert not reserve(disk / "qt").exists()


def test_a_full_disk_is_recorded_at_home(home: Path) -> None:
    fill(home.parent / "waste")
    padding = f"padding={'x' * 6000}"  # more than is left of the segment's last page
    more = ("--detail", padding)
    done = cli(home, "log", "the disk is full", *more, XDG_STATE_HOME=str(home.parent / "state"))
    succeeded(done)
    assert "the disk is full: the megabyte that is kept back" in done.stderr
    assert not reserve(home).exists()
    assert actions(check(home)) == ["one", "two", "the disk is full"]
    assert log_lines(home)[-1].endswith("] the disk is full")
    (home.parent / "waste").unlink()
    succeeded(cli(home, "log", "there is room"))
    assert reserve(home).stat().st_blocks * 512 >= MEGABYTE


def test_many_writers_on_a_full_disk_use_the_space_that_one_of_them_frees(home: Path) -> None:
    fill(home.parent / "waste")
    code = 'sys.stdin.readline(); assert all([log_action(f"{sys.argv[1]} {n}") for n in range(20)])'
    away = str(home.parent / "state")
    writers = [start(home, code, name, XDG_STATE_HOME=away) for name in range(8)]
    try:
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        for writer in writers:
            out, err = writer.communicate(timeout=BOUND)
            assert writer.returncode == 0, (out, err)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert len(read_record(record_of(home))) == 2 + 8 * 20
    assert not fallback_record(home, home.parent / "state/quantum_trader").exists()


def test_a_link_in_its_place_leads_nowhere(home: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    reserve(home).unlink()
    reserve(home).with_name(".reserve.new").symlink_to(precious)
    succeeded(cli(home, "log", "three"))
    assert reserve(home).stat().st_blocks * 512 >= MEGABYTE
    reserve(home).unlink()
    reserve(home).symlink_to(precious)
    fill(home.parent / "waste")
    succeeded(cli(home, "log", "four"))
    assert precious.read_text() == "mine"
