"""A writer that hangs while it holds the lock, while it syncs, or while it moves entries home."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.recording import (
    actions,
    check,
    cli,
    fallback_record,
    head_of,
    program,
    read_record,
    record_of,
    started,
    succeeded,
)

# Stops itself inside a system call of the given kind, as a machine's trouble would stop it.
HANGS = """
import fcntl
log_action("first")
real = {"write": os.write, "fdatasync": os.fdatasync}[sys.argv[1]]
def hang(*arguments):
    setattr(os, sys.argv[1], real)
    print("hangs", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    return real(*arguments)
setattr(os, sys.argv[1], hang)
assert log_action("the one that hung")
print("done", flush=True)
"""


def test_a_writer_that_hangs_with_the_lock_sends_others_to_the_fallback_place(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    with started(home, HANGS, "write") as hung:
        assert hung.stdout is not None
        assert hung.stdout.readline() == "hangs\n"
        code = 'print([log_action(f"other {n}") for n in range(2)])'
        done = program(home, code, QT_LOCK_TIMEOUT="0.3")
        assert succeeded(done) == "[True, True]\n"
        assert "another writer holds the lock and does not let go" in done.stderr
        assert actions(read_record(fallback_record(home))) == ["other 0", "other 1"]
        hung.send_signal(signal.SIGCONT)
        assert hung.stdout.readline() == "done\n"
    succeeded(cli(home, "log", "last"))
    assert actions(check(home)) == ["first", "the one that hung", "other 0", "other 1", "last"]


def test_threads_wait_no_longer_than_others_for_a_writer_that_hangs(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    with started(home, HANGS, "write") as hung:
        assert hung.stdout is not None
        assert hung.stdout.readline() == "hangs\n"
        code = """
        threads = [threading.Thread(target=log_action, args=(f"thread {n}",)) for n in range(3)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        """
        succeeded(program(home, code, QT_LOCK_TIMEOUT="0.3"))
        hung.send_signal(signal.SIGCONT)
        assert hung.stdout.readline() == "done\n"
    succeeded(cli(home, "log", "last"))
    found = actions(check(home))
    assert sorted(found[2:5]) == ["thread 0", "thread 1", "thread 2"]


def test_a_writer_that_hangs_while_it_syncs_does_not_stop_others_from_syncing(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    with started(home, HANGS, "fdatasync") as hung:
        assert hung.stdout is not None
        assert hung.stdout.readline() == "hangs\n"
        done = program(home, 'print(log_action("other"))', QT_LOCK_TIMEOUT="0.3")
        assert succeeded(done) == "True\n"
        assert done.stderr == ""
        assert actions(read_record(record_of(home))) == ["first", "the one that hung", "other"]
        assert head_of(home)["durable"] == 3
        hung.send_signal(signal.SIGCONT)
        assert hung.stdout.readline() == "done\n"
    assert len(check(home)) == 3
    assert head_of(home)["durable"] == 3


def test_a_writer_that_hangs_and_is_killed_leaves_the_lock_to_the_others(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    with started(home, HANGS, "write") as hung:
        assert hung.stdout is not None
        assert hung.stdout.readline() == "hangs\n"
    succeeded(cli(home, "log", "other"))
    assert actions(check(home)) == ["first", "other"]


def test_a_writer_that_hangs_while_it_moves_entries_home_delays_no_other(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "first"))
    home.rename(tmp_path / "aside")
    home.touch()
    succeeded(cli(home, "log", "away"))
    home.unlink()
    (tmp_path / "aside").rename(home)
    with started(home, HANGS.replace('log_action("first")\n', ""), "fdatasync") as hung:
        assert hung.stdout is not None
        assert hung.stdout.readline() == "hangs\n"
        done = program(home, 'print(log_action("other"))', QT_LOCK_TIMEOUT="0.3")
        assert succeeded(done) == "True\n"
        assert done.stderr == ""
        hung.send_signal(signal.SIGCONT)
        assert hung.stdout.readline() == "done\n"
    assert sorted(actions(check(home))) == ["away", "first", "other", "the one that hung"]


@pytest.mark.parametrize("where", ["parent", "child"])
def test_a_fork_does_not_wait_for_ever_for_a_hung_writer(tmp_path: Path, where: str) -> None:
    home = tmp_path / "qt"
    with started(home, HANGS, "write") as hung:
        assert hung.stdout is not None
        assert hung.stdout.readline() == "hangs\n"
        code = """
        thread = threading.Thread(target=log_action, args=("thread",))
        thread.start()
        pid = os.fork()
        if (pid == 0) == (sys.argv[1] == "child"):
            assert log_action("main")
        if pid == 0:
            os._exit(0)
        thread.join()
        assert os.waitpid(pid, 0)[1] == 0
        """
        succeeded(program(home, code, where, QT_LOCK_TIMEOUT="0.3"))
        hung.send_signal(signal.SIGCONT)
        assert hung.stdout.readline() == "done\n"
    succeeded(cli(home, "log", "last"))
    assert sorted(actions(check(home))) == ["first", "last", "main", "the one that hung", "thread"]


def test_a_child_that_was_forked_while_a_thread_warned_can_warn_too(tmp_path: Path) -> None:
    """Python's stderr has a lock that a forked child finds taken: warnings go past it."""
    code = """
    from qt_audit.record.warning import warn

    reading, writing = os.pipe()
    os.dup2(writing, 2)
    many = [f"{n} " + "x" * 3000 for n in range(40)]
    thread = threading.Thread(target=lambda: [warn(text, always=True) for text in many], daemon=True)
    thread.start()  # the pipe holds twenty of them: then the thread waits inside the write
    time.sleep(0.5)
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.alarm(5)
        warn("from the child", always=True)
        os._exit(0)
    print(os.waitpid(pid, 0)[1], flush=True)
    os._exit(0)
    """
    assert succeeded(program(tmp_path / "qt", code)) == "0\n"
