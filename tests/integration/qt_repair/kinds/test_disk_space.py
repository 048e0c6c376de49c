"""The kind `disk_space` on real file systems: what is deleted, what stays, and when it stops."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qt_repair import kinds
from qt_repair.finding import Probe, Repair, RepairError
from qt_repair.kinds.disk_space.cleanup import (
    CleanupError,
    DeletedFiles,
    delete_old_files,
    protected_directories,
)
from tests.support.kind_settings import settings

DAY = 86400.0
MB = 1_000_000


def put(path: Path, age_days: float = 10, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    then = time.time() - age_days * DAY
    os.utime(path, (then, then))
    return path


def delete(
    below: Path, pattern: str = "*.gz", days: float = 7, most: int = 1000, **keys: Any
) -> DeletedFiles:
    """Delete what is old; stops after `most` files."""
    count = len(list(below.rglob("*"))) if below.is_dir() else 0
    defaults = {"device": below.stat().st_dev, "protected": frozenset()}
    return delete_old_files(
        str(below),
        pattern,
        days,
        time.time(),
        **{
            "enough": lambda: count - len(list(below.rglob("*"))) >= most,
            **defaults,
            **keys,
        },
    )


def left(below: Path) -> set[str]:
    found = below.rglob("*")
    return {str(path.relative_to(below)) for path in found if path.is_symlink() or not path.is_dir()}


def test_old_files_with_a_matching_name_are_deleted(tmp_path: Path) -> None:
    for name in ("a.gz", "deep/er/b.gz", "young.gz", "a.log", "c.GZ", ".hidden.gz"):
        put(tmp_path / name, age_days=1 if "young" in name else 10, size=5000)
    deleted = delete(tmp_path)
    assert left(tmp_path) == {"young.gz", "a.log", "c.GZ"}
    assert (deleted.count, sorted(deleted.names)) == (3, [".hidden.gz", "a.gz", "deep/er/b.gz"])
    assert deleted.size >= 15_000


def test_the_oldest_are_deleted_first_and_no_more_than_needed(tmp_path: Path) -> None:
    for age in (8, 30, 9, 20):
        put(tmp_path / f"{age}.gz", age_days=age)
    assert delete(tmp_path, most=2).names == ["30.gz", "20.gz"]
    assert left(tmp_path) == {"8.gz", "9.gz"}


def test_links_are_neither_followed_nor_deleted(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside/precious.gz")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "directory").symlink_to(outside.parent)
    (inside / "file.gz").symlink_to(outside)
    assert delete(inside).count == 0
    assert outside.exists()
    assert left(inside) == {"directory", "file.gz"}


def test_a_directory_that_is_reached_through_a_link_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "real/logs/a.gz")
    (tmp_path / "alias").symlink_to("real")
    with pytest.raises(CleanupError, match="alias in it is a link: name the real path"):
        delete(tmp_path / "alias/logs")


@pytest.mark.parametrize("name", ["missing", "a.gz"])
def test_a_path_that_is_no_directory_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path / "a.gz")
    with pytest.raises(CleanupError, match=r"cannot be entered: (no such file|not a directory)"):
        delete_old_files(
            str(tmp_path / name), "*", 1, time.time(), device=0, protected=frozenset(), enough=lambda: False
        )


def test_a_directory_replaced_by_a_link_half_way_is_not_followed(tmp_path: Path) -> None:
    victim = put(tmp_path / "victim/a.gz")
    inside = tmp_path / "inside"
    for name in ("one/a.gz", "two/a.gz"):
        put(inside / name, age_days=20 if "one" in name else 10)
    asked = 0

    def swap_after_the_search() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:  # twice while searching, then before the first file goes
            (inside / "one").rename(tmp_path / "moved")
            (inside / "one").symlink_to(victim.parent)
        return False

    assert delete(inside, enough=swap_after_the_search).names == ["two/a.gz"]
    assert victim.exists()


def test_a_file_that_was_replaced_meanwhile_stays(tmp_path: Path) -> None:
    path = put(tmp_path / "a.gz")
    asked = 0

    def replace_after_the_search() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            put(tmp_path / "new", age_days=0).rename(path)
        return False

    assert delete(tmp_path, enough=replace_after_the_search).count == 0
    assert path.exists()


def test_a_file_with_a_second_name_stays(tmp_path: Path) -> None:
    os.link(put(tmp_path / "inside/a.gz"), tmp_path / "backup")
    assert delete(tmp_path / "inside").count == 0


def test_a_file_that_a_process_has_open_stays(tmp_path: Path) -> None:
    put(tmp_path / "closed.gz")
    with subprocess.Popen(["sleep", "60"], stdin=put(tmp_path / "open.gz").open("rb")) as process:
        try:
            delete(tmp_path)
        finally:
            process.kill()
    assert left(tmp_path) == {"open.gz"}


def test_special_files_stay(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.gz")
    os.utime(tmp_path / "fifo.gz", (0, 0))
    assert delete(tmp_path).count == 0


def test_the_record_is_protected_whatever_path_leads_to_it(tmp_path: Path) -> None:
    home = tmp_path / "quantum_trader"
    trail = put(home / "status/old.gz")
    put(home / "data/old.gz")
    assert delete(home, protected=protected_directories(str(home))).names == ["data/old.gz"]
    with pytest.raises(CleanupError, match="is to be kept"):
        delete(trail.parent, protected=protected_directories(str(home)))
    assert trail.exists()


@pytest.fixture
def mount(tmp_path: Path, as_root: None) -> Iterator[Path]:
    """A file system of 20 MB, full of old files but for 4 MB."""
    place = tmp_path / "mount"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)], check=True)
    try:
        for number in range(8):
            put(place / f"logs/{number}.log.gz", age_days=20 - number, size=2 * MB)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def made(home: Path, mount: Path, free_mb: float, *cleanups: dict[str, Any]) -> tuple[Probe, Repair]:
    value = settings("disk_space", mount=str(mount), free_mb=free_mb, cleanups=list(cleanups))
    probe = kinds.probe_of(value, str(home))
    return probe, kinds.repair_of(value, str(home), probe)


def logs(mount: Path, days: float = 7) -> dict[str, Any]:
    return {"files": {"below": f"{mount}/logs", "pattern": "*.log.gz", "older_than_days": days}}


def test_a_full_mount_is_cleaned_until_there_is_enough(tmp_path: Path, mount: Path) -> None:
    other = put(tmp_path / "elsewhere/old.log.gz")
    elsewhere = {"files": {"below": str(other.parent), "pattern": "*", "older_than_days": 7}}
    probe, repair = made(tmp_path, mount, 10, elsewhere, logs(mount), {"journal": "1M"})
    found = probe.check(10)
    assert not found.healthy
    mended = repair.run(found, 60)
    assert probe.check(10).healthy
    assert left(mount / "logs") == {f"{number}.log.gz" for number in range(3, 8)}, "the oldest three went"
    assert mended.sentence == f"Auto-repair: Freed 6.0 MB on {mount}"
    first, second = mended.details["cleanups"]
    assert first["left_out"] == "lies on another file system"
    assert (second["deleted"], second["freed_mb"]) == (3, pytest.approx(6, abs=0.1))
    assert other.exists()


def test_too_little_freed_is_a_failure_that_says_how_much(tmp_path: Path, mount: Path) -> None:
    probe, repair = made(tmp_path, mount, 15, logs(mount, days=18.5))
    with pytest.raises(RepairError, match=rf"freed 4\.0 MB on {mount}, still 6\.\d MB too little") as failed:
        repair.run(probe.check(10), 60)
    assert "deleted 2" in failed.value.output


def test_a_file_system_below_the_directory_is_not_entered(tmp_path: Path, mount: Path) -> None:
    put(tmp_path / "own.gz")
    assert delete(tmp_path, pattern="*.gz").names == ["own.gz"]
    assert len(left(mount / "logs")) == 8


def test_running_out_of_inodes_is_found_and_repaired(tmp_path: Path, as_root: None) -> None:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=100", "tmpfs", str(place)], check=True)
    try:
        for number in range(90):
            put(place / f"logs/{number}.log.gz")
        value = settings("disk_space", mount=str(place), inodes_free_percent=50, cleanups=[logs(place)])
        probe = kinds.probe_of(value, str(tmp_path))
        found = probe.check(10)
        assert "inodes too little" in found.summary
        kinds.repair_of(value, str(tmp_path), probe).run(found, 60)
        assert probe.check(10).healthy
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
