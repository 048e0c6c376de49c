"""Fallback places: their order, and how their entries move home once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.recording import (
    TemporaryUser,
    actions,
    check,
    cli,
    fallback_record,
    finish,
    head_of,
    log_lines,
    program,
    read_record,
    record_of,
    small_disk,
    start,
    state,
    state_fallback,
    succeeded,
    temporary_user,
)


@pytest.fixture
def user() -> Iterator[TemporaryUser]:
    with temporary_user() as one:
        yield one


def brought_home(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in entries if "brought_home" in entry["details"]]


def test_a_missing_home_is_created(tmp_path: Path) -> None:
    succeeded(cli(tmp_path / "a/b/qt", "log", "first"))
    assert actions(check(tmp_path / "a/b/qt")) == ["first"]


HINDRANCES = {
    "status is a file": "touch {home}/status",
    "the record is a file": "mkdir {home}/status; touch {home}/status/record",
    "the head is a directory": "mkdir -p {home}/status/record/head",
    "QT_HOME is a file": "rmdir {home}; touch {home}",
    "status belongs to somebody else": "mkdir -m 700 {home}/status; chown 0:0 {home}/status",
    "the record cannot be written": "mkdir -p {home}/status/record; chmod 555 {home}/status/record",
    "status cannot be entered": "mkdir {home}/status; chmod 000 {home}/status",
}


@pytest.mark.parametrize("hindrance", HINDRANCES.values(), ids=HINDRANCES.keys())
def test_an_entry_refused_at_home_goes_to_the_state_directory_and_moves_home_later(
    user: TemporaryUser, hindrance: str
) -> None:
    user.home.mkdir()
    os.chown(user.home, user.uid, user.uid)
    subprocess.run(["sh", "-c", hindrance.format(home=user.home)], check=True)
    away = user.cli("log", "from elsewhere", "--detail", "k=v")
    assert away.returncode == 0
    assert "✅ Audit logged: from elsewhere" in away.stdout
    assert "cannot write to" in away.stderr
    assert f"kept in {state_fallback(user.home)}" in away.stderr
    assert actions(read_record(fallback_record(user.home))) == ["from elsewhere"]
    assert (state_fallback(user.home)).stat().st_mode & 0o777 == 0o700

    subprocess.run(["rm", "-rf", str(user.home)], check=True)
    back = user.cli("log", "at home again")
    assert back.returncode == 0
    assert "brought 1 entry home" in back.stderr
    entries = check(user.home)
    assert actions(entries) == ["from elsewhere", "at home again"]
    mark = entries[0]["details"]["brought_home"]
    assert entries[0]["details"]["k"] == "v"
    assert mark["from"] == str(state_fallback(user.home))
    assert mark["seq"] == 1
    assert mark["ts"] == entries[0]["ts"]
    assert list((fallback_record(user.home)).iterdir()) == []


def test_the_last_fallback_place_is_a_private_directory_under_var_tmp(user: TemporaryUser) -> None:
    user.home.touch()
    state(user.home).touch()
    done = user.cli("log", "from elsewhere")
    assert done.returncode == 0, done.stderr
    assert f"kept in {user.var_tmp_fallback}" in done.stderr
    assert user.var_tmp_fallback.stat().st_mode & 0o777 == 0o700
    assert user.var_tmp_fallback.stat().st_uid == user.uid
    user.home.unlink()
    assert user.cli("log", "home").returncode == 0
    assert actions(check(user.home)) == ["from elsewhere", "home"]


@pytest.mark.parametrize(
    "planted", ["a link", "a directory of somebody else", "a directory open to others", "a file"]
)
def test_a_var_tmp_place_that_others_can_use_is_not_used(
    user: TemporaryUser, tmp_path: Path, planted: str
) -> None:
    user.home.touch()
    state(user.home).touch()
    target = user.home.parent / "target"
    target.mkdir()
    os.chown(target, user.uid, user.uid)
    if planted == "a link":
        user.var_tmp_fallback.symlink_to(target)
    elif planted == "a file":
        user.var_tmp_fallback.touch()
    else:
        user.var_tmp_fallback.mkdir()
        user.var_tmp_fallback.chmod(0o777)
        if planted == "a directory open to others":
            os.chown(user.var_tmp_fallback, user.uid, user.uid)
    try:
        done = user.cli("log", "nowhere to go")
        assert done.returncode == 1
        assert "✅" not in done.stdout
        assert "NOT RECORDED in any place: nowhere to go" in done.stderr
        assert "Traceback" not in done.stderr
        assert list(target.iterdir()) == []
        if user.var_tmp_fallback.is_dir():
            assert list(user.var_tmp_fallback.iterdir()) == []
    finally:
        if not user.var_tmp_fallback.is_dir() or user.var_tmp_fallback.is_symlink():
            user.var_tmp_fallback.unlink()


def test_nothing_is_raised_unless_asked_when_no_place_can_be_written(user: TemporaryUser) -> None:
    user.home.touch()
    state(user.home).touch()
    user.var_tmp_fallback.touch()
    code = """
    assert log_action("one") is False
    assert log_action("one") is False
    try:
        log_action("two", required=True)
    except AuditError as error:
        print(error)
    ran = []
    try:
        with action("three", required=True):
            ran.append("required")
    except AuditError:
        pass
    with action("four"):
        ran.append("not required")
    os.environ["QT_AUDIT_REQUIRED"] = "1"
    time.sleep(1.1)
    try:
        with action("five"):
            ran.append("required by the environment")
    except AuditError:
        pass
    assert log_action("six", required=False) is False
    print(ran)
    """
    try:
        done = user.program(code)
        out = succeeded(done)
    finally:
        user.var_tmp_fallback.unlink()
    assert "nothing may be done unrecorded" in out
    assert "['not required']" in out
    # Each loss is told of, also one like another; the reasons once.
    assert done.stderr.count("NOT RECORDED in any place: one\n") == 2
    assert done.stderr.count("cannot write to") == 3


def test_a_fallback_place_that_cannot_be_used_does_not_keep_new_entries_from_home(
    user: TemporaryUser,
) -> None:
    user.home.touch()
    assert user.cli("log", "from elsewhere").returncode == 0
    user.home.unlink()
    record = fallback_record(user.home)
    record.chmod(0o000)
    os.chown(record, 0, 0)
    record.chmod(0o755)
    (record / "head").chmod(0o600)
    os.chown(record / "head", 0, 0)
    done = user.cli("log", "at home")
    assert done.returncode == 0
    assert "cannot be brought home now" in done.stderr
    assert actions(check(user.home)) == ["at home"]
    os.chown(record, user.uid, user.uid)
    os.chown(record / "head", user.uid, user.uid)
    assert user.cli("log", "again").returncode == 0
    assert actions(check(user.home)) == ["at home", "from elsewhere", "again"]


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        home = disk / "qt"
        code = """
        for number in range(60):
            assert log_action(f"entry {number}", details={"padding": "x" * 3000}), number
        """
        done = program(home, code, XDG_STATE_HOME=str(tmp_path / "state"))
        succeeded(done)
        assert "No space left on device" in done.stderr
        away = read_record(fallback_record(home, tmp_path / "state/quantum_trader"))
        at_home = read_record(record_of(home))
        assert len(at_home) + len(away) == 60
        assert away
        assert at_home
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        succeeded(cli(home, "log", "there is room", XDG_STATE_HOME=str(tmp_path / "state")))
        entries = read_record(record_of(home))
        found = actions(entries)
        assert sorted(found) == sorted([f"entry {number}" for number in range(60)] + ["there is room"])
        succeeded(cli(home, "rebuild_log"))
        assert log_lines(home) == [f"[{entry['ts']}] {entry['action']}" for entry in entries]


def test_a_disk_too_full_for_the_head_loses_and_duplicates_no_entry(tmp_path: Path) -> None:
    """Whatever is left of room when the record begins: what is at home is whole, what is not is elsewhere."""
    for free in range(6):
        with small_disk(tmp_path / f"disk{free}", 32, ",huge=never") as disk:
            home, away = disk / "qt", tmp_path / f"state{free}"
            with (disk / "filler").open("wb", buffering=0) as filler:
                try:
                    while True:
                        filler.write(b"x" * 4096)
                except OSError:
                    filler.truncate(max(0, (disk / "filler").stat().st_size - 4096 * free))
            done = program(
                home, 'assert log_action("one"); assert log_action("two")', XDG_STATE_HOME=str(away)
            )
            succeeded(done)
            (disk / "filler").unlink()
            succeeded(cli(home, "log", "three", XDG_STATE_HOME=str(away)))
            assert actions(read_record(record_of(home))) == ["one", "two", "three"]


def test_a_read_only_file_system_is_survived(tmp_path: Path) -> None:
    away = str(tmp_path / "state")
    with small_disk(tmp_path / "disk", 512) as disk:
        home = disk / "qt"
        succeeded(cli(home, "log", "one", XDG_STATE_HOME=away))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = cli(home, "log", "two", XDG_STATE_HOME=away)
        assert "Read-only file system" in done.stderr
        succeeded(done)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        succeeded(cli(home, "log", "three", XDG_STATE_HOME=away))
        assert actions(check(home)) == ["one", "two", "three"]


def _fill_fallback(home: Path, count: int) -> None:
    home.touch()
    succeeded(program(home, 'for n in range(int(sys.argv[1])): assert log_action(f"away {n}")', count))
    home.unlink()


def test_two_writers_at_once_bring_entries_home_once(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    _fill_fallback(home, 700)
    writers = [start(home, f'log_action("writer {number}")') for number in range(6)]
    for writer in writers:
        assert finish(writer).returncode == 0
    succeeded(cli(home, "log", "last"))
    found = actions(check(home))
    assert sorted(found) == sorted(
        [f"away {n}" for n in range(700)] + [f"writer {n}" for n in range(6)] + ["last"]
    )
    assert [action for action in found if action.startswith("away")] == [f"away {n}" for n in range(700)]


def test_entries_move_home_once_also_if_the_move_is_killed(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    _fill_fallback(home, 1200)
    for attempt in range(15):
        carrier = start(home, f'print("ready", flush=True); log_action("carrier {attempt}")')
        assert carrier.stdout is not None
        carrier.stdout.readline()
        time.sleep(0.004 * attempt)
        carrier.send_signal(signal.SIGKILL)
        carrier.communicate()
    succeeded(cli(home, "log", "last"))
    found = actions(check(home))
    assert [action for action in found if action.startswith("away")] == [f"away {n}" for n in range(1200)]
    assert found[-1] == "last"
    assert not [action for action in found if action.startswith("Audit record:")]
    assert list((fallback_record(home)).iterdir()) == []


def test_a_half_emptied_place_is_no_fault(tmp_path: Path) -> None:
    """Emptied as far as a writer that was killed got, and then written to again."""
    home = tmp_path / "qt"
    _fill_fallback(home, 3)
    record = fallback_record(home)
    segment = next(record.glob("*.jsonl"))
    kept = segment.read_bytes()
    succeeded(cli(home, "log", "one"))
    assert list(record.iterdir()) == []
    for left in ("segment", "head", "both"):
        if left != "head":
            segment.write_bytes(kept)
        if left != "segment":
            (record / "head").write_bytes(b"")
        home.rename(tmp_path / "aside")
        home.touch()
        assert cli(home, "log", f"away after {left}").returncode == 0
        home.unlink()
        (tmp_path / "aside").rename(home)
        succeeded(cli(home, "log", f"home after {left}"))
    found = actions(check(home))
    assert [action for action in found if action.startswith("away ")] == [
        "away 0",
        "away 1",
        "away 2",
        *[f"away after {left}" for left in ("segment", "head", "both")],
    ]


def test_a_caller_cannot_set_the_detail_brought_home(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    _fill_fallback(home, 1)
    segment = next((fallback_record(home)).glob("*.jsonl"))
    digest = __import__("hashlib").sha256(segment.read_bytes()[:-1]).hexdigest()
    aside = tmp_path / "aside"
    state_fallback(home).rename(aside)
    code = 'assert log_action("liar", details={"brought_home": {"sha256": sys.argv[1]}})'
    succeeded(program(home, code, digest))
    aside.rename(state_fallback(home))
    succeeded(cli(home, "log", "next"))
    entries = check(home)
    assert actions(entries) == ["liar", "away 0", "next"]
    assert brought_home(entries) == [entries[1]]


def test_a_long_entry_keeps_its_length_and_hash_when_it_moves_home(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    home.touch()
    code = 'assert log_action("a" * 100_000, details={"out": "b" * 100_000, "exit_code": 1})'
    succeeded(program(home, code))
    home.unlink()
    away = read_record(fallback_record(home))[0]
    succeeded(cli(home, "log", "next"))
    entry = check(home)[0]
    assert entry["action"] == away["action"]
    assert {**away["details"], "brought_home": entry["details"]["brought_home"]} == entry["details"]
    assert entry["details"]["action_excerpt"]["length"] == 100_000
    assert entry["details"]["exit_code"] == 1


def test_a_long_lived_writer_warns_again_of_a_second_fault(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    code = """
    import shutil
    home = os.environ["QT_HOME"]
    for round in range(2):
        os.rename(home, home + "-aside") if round else None
        open(home, "w").close()
        assert log_action(f"away {round}")
        os.unlink(home)
        os.rename(home + "-aside", home) if round else None
        assert log_action(f"home {round}")
        time.sleep(1.1)
        assert log_action(f"later {round}")
    """
    done = program(home, code)
    succeeded(done)
    assert done.stderr.count("kept in ") == 2
    assert [action for action in actions(check(home)) if action.startswith("away")] == [
        "away 0",
        "away 1",
    ]
    assert head_of(home)["seq"] == 6
