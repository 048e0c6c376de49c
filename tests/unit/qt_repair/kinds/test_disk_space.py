"""The kind `disk_space`: what is too little, where nothing is deleted, what runs as root, bad settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qt_repair import kinds
from qt_repair.finding import Finding, ProbeError
from qt_repair.host.space import Space
from qt_repair.kinds.disk_space.cleanup import directory_problem
from qt_repair.kinds.disk_space.probe import SpaceProbe, finding_of
from qt_repair.kinds.disk_space.repair import FreeSpace
from tests.support.kind_settings import faults, settings

HOME = "/home/qt/quantum_trader"
DISK = Space(free=20_000_000_000, size=100_000_000_000, inodes_free=100, inodes=1000)
APT = [{"apt_cache": True}]


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        ({"free_percent": 20}, ""),
        ({"free_mb": 20_000}, ""),
        ({"inodes_free_percent": 10}, ""),
        ({"free_percent": 22}, "2.0 GB too little"),
        ({"free_mb": 20_500}, "500 MB too little"),
        ({"free_percent": 21, "free_mb": 23_000}, "3.0 GB too little"),
        ({"inodes_free_percent": 15}, "50 inodes too little"),
        ({"free_mb": 20_500, "inodes_free_percent": 15}, "500 MB and 50 inodes too little"),
    ],
)
def test_missing_space_is_named(wanted: dict[str, float], missing: str) -> None:
    found = finding_of(settings("disk_space", mount="/", cleanups=APT, **wanted), DISK)
    assert found.healthy == (missing == "")
    assert found.summary.startswith("/ has 20 GB (20 %) free")
    assert found.summary.endswith(missing)


def test_a_file_system_without_a_limit_of_inodes_lacks_none() -> None:
    disk = Space(free=1, size=2, inodes_free=0, inodes=0)
    found = finding_of(settings("disk_space", mount="/", cleanups=APT, inodes_free_percent=5), disk)
    assert found.healthy
    assert "inodes_free_percent" not in found.details


def test_a_directory_that_is_no_mount_point_is_refused(tmp_path: Path) -> None:
    probe = SpaceProbe(settings("disk_space", mount=str(tmp_path), cleanups=APT, free_mb=1), HOME)
    with pytest.raises(ProbeError, match=f"nothing is mounted at {tmp_path}: it lies on /"):
        probe.check(5)


def test_a_missing_mount_is_named() -> None:
    probe = SpaceProbe(settings("disk_space", mount="/nowhere", cleanups=APT, free_mb=1), HOME)
    with pytest.raises(ProbeError, match="/nowhere cannot be looked at: no such file or directory"):
        probe.check(5)


REFUSED = [
    "/", "//", "/home", "/home/", "/home/qt", "/home/qt/.", "/etc", "/etc/app", "/usr/share/doc", "/bin",
    "/var", "/var/lib", "/var/lib/docker/overlay2", "/var/lib/postgresql/15", "/proc", "/sys/fs", "/dev/shm",
    "/run/lock", "/root/logs", "/boot",
    "/srv", "/opt", "/mnt", ".", "./", "status", "status/record", "./config",
    "releases/x", "current", "tools", "logs/../status", "/srv/app/../../etc", f"{HOME}", f"{HOME}/status",
    f"{HOME}/status/reports", f"{HOME}/config", f"{HOME}/scripts", "a\0b",
]  # fmt: skip


@pytest.mark.parametrize("below", REFUSED)
def test_nothing_is_deleted_in_directories_of_the_system_the_record_or_the_settings(below: str) -> None:
    assert directory_problem(below, HOME) is not None


@pytest.mark.parametrize(
    "below",
    [
        *("logs", "data/old", "/srv/app/logs", "/var/log/app", "/tmp", "/home/qt/logs", "/etcetera/logs"),
        f"{HOME}/logs",
    ],
)
def test_files_may_be_deleted_in_other_directories(below: str) -> None:
    assert directory_problem(below, HOME) is None


def test_a_directory_that_only_the_host_knows_to_be_protected_stops_the_probe() -> None:
    files = {"below": f"{HOME}/status", "pattern": "*", "older_than_days": 7}
    probe = SpaceProbe(settings("disk_space", mount="/", free_mb=1, cleanups=[{"files": files}]), HOME)
    with pytest.raises(ProbeError, match=r"cleanups\[0\].files.below must not lie in status/ of QT_HOME"):
        probe.check(5)


def test_the_sentences_name_the_mount() -> None:
    value = settings("disk_space", mount="/srv/data", cleanups=APT, free_mb=1)
    repair, found = FreeSpace(value, HOME, kinds.probe_of(value, HOME)), Finding(False, "")
    assert repair.intent(found) == "Auto-repair: Freeing space on /srv/data"
    assert repair.sentence(found) == "Auto-repair: Freed space on /srv/data"


def test_the_commands_run_as_root_are_exact() -> None:
    files = {"files": {"below": "logs", "pattern": "*.gz", "older_than_days": 7}}
    cleanups = [{"apt_cache": True}, files, {"journal": "200M"}, {"apt_cache": False}]
    assert kinds.privileges(settings("disk_space", mount="/", free_mb=1, cleanups=cleanups)) == [
        ["/usr/bin/apt-get", "clean"],
        ["/usr/bin/journalctl", "--vacuum-size=200M"],
    ]


def cleaning(**cleanup: Any) -> dict[str, Any]:
    return {"mount": "/", "free_mb": 1, "cleanups": [cleanup]}


def files(**keys: Any) -> dict[str, Any]:
    return cleaning(files={"below": "logs", "pattern": "*.gz", "older_than_days": 7, **keys})


@pytest.mark.parametrize(
    ("keys", "path", "says"),
    [
        ({"free_mb": 1, "cleanups": APT}, "", "needs the key mount"),
        ({"mount": "/", "free_mb": 1}, "", "needs the key cleanups"),
        ({"mount": "/", "cleanups": APT}, "", "needs free_percent, free_mb or inodes_free_percent"),
        ({"mount": "/", "cleanups": [], "free_mb": 1}, "cleanups", "must not be empty"),
        ({"mount": "srv", "cleanups": APT, "free_mb": 1}, "mount", "must be a mount point"),
        ({"mount": "/srv/", "cleanups": APT, "free_mb": 1}, "mount", "plain path"),
        ({"mount": "/", "cleanups": APT, "free_percent": 100}, "free_percent", "must be less than 100"),
        (cleaning(apt_cache=True, journal="1G"), "cleanups.0", "one key"),
        (cleaning(journal="--rotate"), "cleanups.0.journal", "a size such as"),
        (cleaning(journal="200M\n"), "cleanups.0.journal", "a size such as"),
        (cleaning(docker=True), "cleanups.0.docker", "unknown key"),
        (files(below="/etc"), "cleanups[0].files.below", "must not lie in /etc"),
        (files(below="status"), "cleanups[0].files.below", "must not lie in status/ of QT_HOME"),
        (files(pattern="*/x"), "cleanups.0.files.pattern", "must be a shell pattern"),
        (files(older_than_days=0), "cleanups.0.files.older_than_days", "must be more than 0"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(keys: dict[str, Any], path: str, says: str) -> None:
    assert says in faults("disk_space", **keys)[path]
