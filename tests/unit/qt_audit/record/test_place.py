"""Places: which directories are created, and which are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qt_audit.record.place import Place, fallback_places, open_directory, open_file


def close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_place_is_created_with_its_parents(tmp_path: Path) -> None:
    place = Place(f"{tmp_path}/a/b", home=True)
    close(*place.open())
    assert (tmp_path / "a/b/status/record").is_dir()
    close(*place.open())


def test_a_place_with_a_trailing_slash_or_a_relative_path_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (f"{tmp_path}/one/", "two", "three/four"):
        close(*Place(path, home=True).open())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "three", "two"]


def test_an_installation_may_be_named_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    close(*Place(f"{tmp_path}/link", home=True).open())
    assert (tmp_path / "real/status/record").is_dir()


def test_a_private_place_that_others_can_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("open", "link"):
        with pytest.raises(OSError, match=r"yours alone|directory|link"):
            Place(f"{tmp_path}/{name}", private=True).open()
    close(*Place(f"{tmp_path}/new", private=True).open())
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("state", "home"), [("", ""), ("relative", "relative"), ("relative", "")])
def test_a_fallback_place_is_never_relative_to_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, state: str, home: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("HOME", home)
    places = fallback_places("/home/qt/quantum_trader")
    assert all(place.path.startswith("/") for place in places)
    assert places[-1].path == f"/var/tmp/quantum_trader-{os.geteuid()}"


def test_the_fallback_places_come_in_the_order_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/qt")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert fallback_places("/x")[0].path == "/home/qt/.local/state/quantum_trader"
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert fallback_places("/x")[0].path == "/state/quantum_trader"


def test_two_installations_of_one_user_do_not_share_a_fallback_record() -> None:
    here, there = fallback_places("/home/qt/quantum_trader"), fallback_places("/tmp/trial")
    assert [place.path for place in here] == [place.path for place in there]
    assert {place.record_path for place in here}.isdisjoint(place.record_path for place in there)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "nowhere").symlink_to("nothing")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "nowhere", "directory", "pipe"):
        for flags in (os.O_RDONLY, os.O_WRONLY | os.O_APPEND | os.O_CREAT, os.O_RDWR | os.O_CREAT):
            with pytest.raises(OSError):  # noqa: PT011 - whatever the kernel says
                open_file(name, directory, flags, 0o600)
    for name in ("link", "nowhere", "file"):
        with pytest.raises(OSError):  # noqa: PT011 - whatever the kernel says
            open_directory(name, directory, 0o700)
    assert not (tmp_path / "nothing").exists()
    descriptor, status = open_file("file", directory, os.O_RDONLY)
    assert status.st_size == 1
    close(descriptor, directory)


def test_no_descriptor_is_left_open_by_what_is_refused(tmp_path: Path) -> None:
    (tmp_path / "status").mkdir()
    (tmp_path / "status/record").touch()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(OSError):  # noqa: PT011 - whatever the kernel says
            Place(str(tmp_path), home=True).open()
    assert len(os.listdir("/proc/self/fd")) == before
