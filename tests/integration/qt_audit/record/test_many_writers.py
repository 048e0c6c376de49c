"""Many writers at once: processes, threads, forks, signal handlers, and the end of a month under them."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.support.recording import (
    actions,
    check,
    cli,
    finish,
    program,
    record_of,
    start,
    started,
    succeeded,
)

WRITER = """
name, count = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    assert log_action(f"{name} {number}", details={"number": number})
"""


def test_16_processes_of_500_entries_make_8000_without_a_hole(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    writers = [start(home, WRITER, f"writer {number}", 500) for number in range(16)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdin is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        done = finish(writer)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    entries = check(home)
    assert len(entries) == 8000
    for number in range(16):
        mine = [action for action in actions(entries) if action.startswith(f"writer {number} ")]
        assert mine == [f"writer {number} {count}" for count in range(500)]
    assert not (tmp_path / "qt-state").exists()


def test_threads_of_one_process_share_the_record(tmp_path: Path) -> None:
    succeeded(
        program(
            tmp_path / "qt",
            """
            def work(name):
                for number in range(50):
                    assert log_action(f"thread {name} {number}")
            threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            """,
        )
    )
    assert len(check(tmp_path / "qt")) == 400


def test_children_that_a_thread_left_behind_go_on_recording(tmp_path: Path) -> None:
    """A fork while other threads record leaves no lock held, in the parent or in the child."""
    done = program(
        tmp_path / "qt",
        """
        over = threading.Event()
        def work(name):
            number = 0
            while not over.is_set():
                assert log_action(f"thread {name} {number}")
                number += 1
        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        [thread.start() for thread in threads]
        children = []
        for number in range(30):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    code = 0 if log_action(f"child {number}") else 1
                    time.sleep(0.5)  # lives on with whatever it inherited
                    code = code or (0 if log_action(f"child {number} again") else 1)
                finally:
                    os._exit(code)
            children.append(pid)
        codes = [os.waitpid(pid, 0)[1] for pid in children]
        over.set()
        [thread.join() for thread in threads]
        assert codes == [0] * 30, codes
        """,
        QT_LOCK_TIMEOUT="20",
    )
    succeeded(done)
    assert done.stderr == ""
    found = actions(check(tmp_path / "qt"))
    assert sorted(action for action in found if action.startswith("child")) == sorted(
        f"child {number}{again}" for number in range(30) for again in ("", " again")
    )


def test_no_child_is_forked_while_the_c_library_looks_up_the_user(tmp_path: Path) -> None:
    """It has a lock for that: the child would find it taken by a thread that it does not have, for ever."""
    done = program(
        tmp_path / "qt",
        """
        import pwd
        real, began, busy = pwd.getpwuid, threading.Event(), []
        def slow(uid):
            busy.append(uid)
            began.set()
            time.sleep(0.3)
            busy.pop()
            return real(uid)
        pwd.getpwuid = slow
        thread = threading.Thread(target=log_action, args=("thread",))
        thread.start()
        began.wait()
        pid = os.fork()
        if pid == 0:
            os._exit(len(busy))
        thread.join()
        assert os.waitpid(pid, 0)[1] == 0, "forked in the middle of it"
        """,
    )
    succeeded(done)
    assert actions(check(tmp_path / "qt")) == ["thread"]


def test_a_child_does_not_inherit_its_parents_right_to_sync(tmp_path: Path) -> None:
    """The child inherits the descriptors of a sync that is under way; the next writers do not wait for it."""
    home = tmp_path / "qt"
    done = program(
        home,
        """
        log_action("first")
        real, forked = os.fdatasync, []
        def sync(descriptor):
            pid = os.fork()
            if pid == 0:
                time.sleep(150)
                os._exit(0)
            forked.append(pid)
            real(descriptor)
        os.fdatasync = sync
        log_action("a fork in the middle of its sync")
        os.fdatasync = real
        log_action("and the next")
        head = json.load(open(os.environ["QT_HOME"] + "/status/record/head"))
        [os.kill(pid, signal.SIGKILL) for pid in forked]
        [os.waitpid(pid, 0) for pid in forked]
        # it synced in its own right, for it noted so; who waits in vain is not back before the test gives up
        assert head["durable"] == 3
        """,
        QT_LOCK_TIMEOUT="3600",
    )
    succeeded(done)
    assert len(check(home)) == 3


def test_multiprocessing_pools_record(tmp_path: Path) -> None:
    succeeded(
        program(
            tmp_path / "qt",
            """
            import multiprocessing
            def work(number):
                return log_action(f"task {number}")
            log_action("before")
            with multiprocessing.get_context("fork").Pool(4) as pool:
                assert all(pool.map(work, range(100)))
            """,
        )
    )
    assert len(check(tmp_path / "qt")) == 101


def test_a_signal_handler_records_between_two_recordings(tmp_path: Path) -> None:
    """A signal waits until the entry that it would have interrupted is written: nothing goes elsewhere."""
    home = tmp_path / "qt"
    code = """
    seen = 0
    def handle(number, frame):
        global seen
        seen += 1
        assert log_action(f"signal {seen}")
    signal.signal(signal.SIGALRM, handle)
    log_action("begin")
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    written = 0
    while seen < 150:
        assert log_action(f"plain {written}")
        written += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(seen, written)
    """
    done = program(home, code)
    seen, written = map(int, succeeded(done).split())
    assert done.stderr == ""
    found = actions(check(home))
    assert sorted(action for action in found if action.startswith("signal")) == sorted(
        f"signal {number + 1}" for number in range(seen)
    )
    assert [action for action in found if action.startswith("plain")] == [
        f"plain {n}" for n in range(written)
    ]


def test_a_handler_that_raises_does_not_interrupt_a_recording(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    code = """
    class Late(Exception): pass
    def handle(number, frame):
        raise Late
    signal.signal(signal.SIGALRM, handle)
    written = 0
    for attempt in range(100):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0005)
            while True:
                log_action(f"plain {written}")
                written += 1
        except Late:
            pass
    print(written)
    """
    done = program(home, code)
    assert int(succeeded(done)) <= len(check(home))
    assert done.stderr == ""


def test_a_handler_run_by_another_thread_records_in_a_fallback_place(tmp_path: Path) -> None:
    """Where a thread takes the signal the handler interrupts: its entry waits elsewhere, and comes home."""
    home = tmp_path / "qt"
    code = """
    seen, busy = 0, False
    def handle(number, frame):
        global seen, busy
        if not busy:
            busy = True
            assert log_action(f"signal {seen}")
            seen += 1
            busy = False
    signal.signal(signal.SIGALRM, handle)
    over = threading.Event()
    idle = threading.Thread(target=over.wait)
    idle.start()
    log_action("begin")
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    written = 0
    while seen < 100:
        assert log_action(f"plain {written}")
        written += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    over.set()
    idle.join()
    print(seen, written)
    """
    seen, written = map(int, succeeded(program(home, code, QT_LOCK_TIMEOUT="20")).split())
    succeeded(cli(home, "log", "brings home what is left"))
    found = actions(check(home))
    assert sorted(action for action in found if action.startswith("signal")) == sorted(
        f"signal {number}" for number in range(seen)
    )
    assert [action for action in found if action.startswith("plain")] == [
        f"plain {n}" for n in range(written)
    ]


def test_the_chain_goes_on_when_a_month_ends_under_the_writers(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    code = """
    name = sys.argv[1]
    for number in range(60):
        assert log_action(f"{name} {number}")
        time.sleep(0.05)
    """
    prefix = ("faketime", "-f", "@2026-10-31 23:59:59")
    writers = [
        start(home, code, f"writer {number}", prefix=prefix, TZ="UTC", QT_LOCK_TIMEOUT="60")
        for number in range(8)
    ]
    for writer in writers:
        done = finish(writer)
        assert done.returncode == 0, done.stderr
    entries = check(home)
    assert len(entries) == 480
    assert {entry["ts"][:7] for entry in entries} == {"2026-10", "2026-11"}
    finished = record_of(home) / "2026-10.jsonl"
    assert finished.stat().st_mode & 0o777 == 0o440


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_writer_that_is_interrupted_leaves_a_whole_record(tmp_path: Path, number: signal.Signals) -> None:
    home = tmp_path / "qt"
    with started(home, 'print("ready", flush=True)\nwhile True: log_action("again")') as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.2)
        writer.send_signal(number)
        writer.wait(timeout=60)
    succeeded(cli(home, "log", "the next"))
    assert actions(check(home))[-1] == "the next"
