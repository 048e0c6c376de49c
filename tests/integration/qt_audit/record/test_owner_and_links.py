"""Run by root in somebody else's directory; links, pipes and directories where files are expected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.recording import (
    LOG,
    TemporaryUser,
    actions,
    check,
    cli,
    fallback_record,
    read_record,
    record_of,
    state_fallback,
    succeeded,
    temporary_user,
)


@pytest.fixture
def user() -> Iterator[TemporaryUser]:
    with temporary_user() as one:
        yield one


def own_var_tmp(directory: Path) -> tuple[str, ...]:
    """Runs a command with another /var/tmp: root's fallback place is shared with all that root runs."""
    return ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /var/tmp && exec "$@"', str(directory))


def owners(home: Path) -> dict[str, int]:
    return {str(path.relative_to(home)): path.lstat().st_uid for path in sorted(home.rglob("*"))}


def test_a_file_that_root_creates_belongs_to_the_owner_of_the_directory(user: TemporaryUser) -> None:
    user.home.mkdir()
    os.chown(user.home, user.uid, user.uid)
    for month in ("2026-10-15", "2026-11-15"):
        prefix = ("faketime", "-f", f"@{month} 12:00:00")
        succeeded(cli(user.home, "log", f"root in {month}", prefix=prefix))
    made = owners(user.home)
    assert {"status", "status/record", "status/record/head", f"status/{LOG}"} <= set(made)
    assert set(made.values()) == {user.uid}
    assert user.cli("log", "the owner goes on").returncode == 0
    succeeded(cli(user.home, "log", "and root again"))
    assert actions(check(user.home))[2:] == ["the owner goes on", "and root again"]
    assert not state_fallback(user.home).exists()


def test_a_home_that_root_makes_belongs_to_the_owner_of_what_is_above_it(user: TemporaryUser) -> None:
    succeeded(cli(user.home / "a/b", "log", "root"))
    assert set(owners(user.home).values()) == {user.uid}
    assert user.home.stat().st_uid == user.uid


def test_root_creates_no_file_of_its_own_in_a_users_home(user: TemporaryUser, tmp_path: Path) -> None:
    """sudo may keep HOME: the fallback place there would be the user's, not root's."""
    user.home.touch()
    os.chown(user.home, user.uid, user.uid)
    done = cli(user.home, "log", "from elsewhere", prefix=own_var_tmp(tmp_path), XDG_STATE_HOME="")
    assert "kept in /var/tmp/quantum_trader-0" in done.stderr
    assert set(owners(user.home.parent).values()) == {user.uid}
    assert actions(read_record(fallback_record(user.home, tmp_path / "quantum_trader-0"))) == [
        "from elsewhere"
    ]


def test_modes_let_the_group_read_and_nobody_else(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "first", prefix=("sh", "-c", 'umask 0; exec "$@"', "sh")))
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.rglob("*")}
    assert modes.pop("status") == modes.pop("record") == 0o750
    assert set(modes.values()) == {0o640}


Plant = Callable[[Path, Path], None]


def _link_to_a_file(at: Path, outside: Path) -> None:
    (outside / "file").write_text("precious")
    at.symlink_to(outside / "file")


def _link_to_nothing(at: Path, outside: Path) -> None:
    at.symlink_to(outside / "nothing")


def _link_to_a_directory(at: Path, outside: Path) -> None:
    at.symlink_to(outside)


def _pipe(at: Path, outside: Path) -> None:
    os.mkfifo(at)


def _directory(at: Path, outside: Path) -> None:
    at.mkdir()


def _link_to_a_pipe(at: Path, outside: Path) -> None:
    os.mkfifo(outside / "pipe")
    at.symlink_to(outside / "pipe")


PLANTS: list[Plant] = [
    _link_to_a_file,
    _link_to_nothing,
    _link_to_a_directory,
    _link_to_a_pipe,
    _pipe,
    _directory,
]


def _listing(directory: Path) -> list[tuple[str, int, str]]:
    return [
        (path.name, path.lstat().st_size, path.read_text() if path.is_file() else "")
        for path in sorted(directory.iterdir())
    ]


DIRECTORIES = ("status", "status/record")
FILES = ("status/record/head", "status/record/{segment}")


@pytest.mark.parametrize(
    ("where", "plant"),
    [
        (where, plant)
        for where in (*DIRECTORIES, *FILES)
        for plant in PLANTS
        if where in FILES or plant != _directory
    ],
)
def test_a_planted_file_is_not_followed_and_the_entry_goes_to_the_next_place(
    tmp_path: Path, where: str, plant: Plant
) -> None:
    home, outside = tmp_path / "qt", tmp_path / "outside"
    outside.mkdir()
    prefix = ("faketime", "-f", "@2026-11-15 12:00:00")
    at = home / where.format(segment="2026-11.jsonl")
    at.parent.mkdir(parents=True)
    plant(at, outside)
    before = _listing(outside)
    done = cli(home, "log", "mine", prefix=prefix)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert f"kept in {state_fallback(home)}" in done.stderr
    assert _listing(outside) == before
    assert actions(read_record(fallback_record(home))) == ["mine"]
    if at.is_dir() and not at.is_symlink():
        at.rmdir()
    else:
        at.unlink()
    succeeded(cli(home, "log", "then", prefix=prefix))
    assert [action for action in actions(read_record(record_of(home))) if "Audit record" not in action] == [
        "mine",
        "then",
    ]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_log_is_not_followed_and_the_record_has_the_entry(tmp_path: Path, plant: Plant) -> None:
    home, outside = tmp_path / "qt", tmp_path / "outside"
    outside.mkdir()
    (home / "status").mkdir(parents=True)
    plant(home / "status" / LOG, outside)
    before = _listing(outside)
    done = cli(home, "log", "mine")
    assert done.returncode == 0
    assert "rebuild_log" in done.stderr
    assert _listing(outside) == before
    assert actions(read_record(record_of(home))) == ["mine"]


@pytest.mark.parametrize("where", ["the place", "the record", "the head"])
@pytest.mark.parametrize("plant", [_link_to_a_directory, _link_to_nothing, _pipe])
def test_a_link_in_the_first_fallback_place_is_not_followed(
    user: TemporaryUser, where: str, plant: Plant
) -> None:
    user.home.touch()
    outside = user.home.parent / "outside"
    outside.mkdir()
    place, record = state_fallback(user.home), fallback_record(user.home)
    at = {"the place": place, "the record": record, "the head": record / "head"}[where]
    at.parent.mkdir(parents=True)
    plant(at, outside)
    for path in [outside, *user.home.parent.rglob("*")]:
        os.chown(path, user.uid, user.uid, follow_symlinks=False)
    place.parent.chmod(0o700)
    done = user.cli("log", "mine")
    assert done.returncode == 0, done.stderr
    assert f"kept in {user.var_tmp_fallback}" in done.stderr
    assert [path.name for path in outside.iterdir()] == []


@pytest.mark.parametrize("where", [LOG, "record/head", "record/2026-11.jsonl"])
def test_root_does_not_write_through_a_hard_link(user: TemporaryUser, tmp_path: Path, where: str) -> None:
    """A user could give a file of root's another name here, where the kernel lets them."""
    status = user.home / "status"
    (status / "record").mkdir(parents=True)
    for path in (user.home, status, status / "record"):
        os.chown(path, user.uid, user.uid)
    precious = user.home.parent.parent / "precious"
    precious.write_text("precious")
    (status / where).hardlink_to(precious)
    november = ("faketime", "-f", "@2026-11-15 12:00:00")
    done = cli(user.home, "log", "root", prefix=(*own_var_tmp(tmp_path), *november))
    assert "has a second name" in done.stderr
    assert "✅ Audit logged: root" in done.stdout
    assert precious.read_text() == "precious"
    assert precious.stat().st_uid == 0
