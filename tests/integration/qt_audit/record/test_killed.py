"""Writers killed with -9 at random moments, and the torn tails that they leave."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.support.recording import actions, check, cli, notes, program, read_record, record_of, succeeded
from tests.support.scale import STORM

ROUNDS = 50 * STORM

KILLER = """
import random
random.seed(int(sys.argv[1]))
log_action("begin")
acknowledged = []
for round in range(int(sys.argv[2])):
    reading, writing = os.pipe()
    children = []
    for name in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reading)
                number = 0
                while True:
                    sentence = f"round {round} writer {name} {number}"
                    padding = "x" * random.choice((0, 0, 100, 3000, 7000, 9000))
                    if log_action(sentence, details={"padding": padding}):
                        os.write(writing, (sentence + "\\n").encode())
                    number += 1
            finally:
                os._exit(1)
        children.append(pid)
    os.close(writing)
    # Every other round once something was acknowledged, however slow the machine is; else at any moment.
    told = os.read(reading, 1) if round % 2 else b""
    time.sleep(random.uniform(0.001, 0.02))
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        acknowledged += (told + pipe.read()).decode().split("\\n")[:-1]
log_action("end")
print("\\n".join(acknowledged))
"""


def test_no_acknowledged_entry_is_lost_in_200_rounds_of_kill_9(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    acknowledged = succeeded(program(home, KILLER, 9, ROUNDS)).split("\n")[:-1]
    entries = check(home)
    recorded = actions([entry for entry in entries if entry["source"] != "audit_record"])
    assert len(acknowledged) >= ROUNDS // 2
    assert set(acknowledged) <= set(recorded)
    assert len(recorded) == len(set(recorded))
    assert recorded[-1] == "end"
    assert {note["action"] for note in notes(entries)} <= {"Audit record: repaired a torn tail"}


@pytest.mark.parametrize("then", ["true", "ahead"])
@pytest.mark.parametrize("name", ["open", "write", "fsync", "fdatasync", "fchmod", "pwrite"])
def test_a_writer_killed_at_the_return_of_a_clock_that_was_ahead_forks_no_chain(
    tmp_path: Path, name: str, then: str
) -> None:
    """Killed before and after each call that changes a file; the next clock is true, or ahead again."""
    code = """
    name, left = sys.argv[1], int(sys.argv[2])
    real = getattr(os, name)
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    setattr(os, name, call)
    log_action("killed")
    """
    clocks = {"before": "2026-11-23 11:30:00", "ahead": "2029-01-01 11:30:00", "true": "2026-11-23 11:40:00"}
    prefixes = {clock: ("faketime", "-f", f"@{text}") for clock, text in clocks.items()}
    kills = 0
    while True:
        kills += 1
        home = tmp_path / f"{kills}"
        succeeded(cli(home, "log", "before", prefix=prefixes["before"]))
        succeeded(cli(home, "log", "ahead", prefix=prefixes["ahead"]))
        done = program(home, code, name, kills, prefix=prefixes["true"])
        for _ in range(2):
            succeeded(cli(home, "log", "after", prefix=prefixes[then]))
        succeeded(cli(home, "log", "at last", prefix=prefixes["true"]))
        entries = check(home)
        written = [entry for entry in entries if entry["source"] != "audit_record"]
        assert actions(written)[:2] == ["before", "ahead"]
        assert [action for action in actions(written) if action != "killed"][2:] == [
            "after",
            "after",
            "at last",
        ]
        assert entries[-1]["ts"].startswith("2026-11-23T11:40")
        states = [note["details"]["clock"]["state"] for note in notes(entries) if "clock" in note["details"]]
        assert states[0] == "ahead"  # the entry about the return may be the one that was not written
        if done.returncode == 0:
            break
    assert kills > 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_writer_killed_at_the_end_of_a_month_leaves_no_finished_segment_writable(
    tmp_path: Path, when: str
) -> None:
    home = tmp_path / "qt"
    november = ("faketime", "-f", "@2026-11-01 12:00:00")
    succeeded(cli(home, "log", "october", prefix=("faketime", "-f", "@2026-10-31 12:00:00")))
    code = """
    real = os.fchmod
    def fchmod(*arguments):
        if sys.argv[1] == "after":
            real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    os.fchmod = fchmod
    log_action("killed")
    """
    assert program(home, code, when, prefix=november).returncode != 0
    succeeded(cli(home, "log", "november", prefix=november))
    assert actions(check(home)) == ["october", "killed", "november"]
    assert (record_of(home) / "2026-10.jsonl").stat().st_mode & 0o777 == 0o440


TAILS = {
    "a partial line": b'{"seq":4,"ts":"2026-11-23T00:00:00.000000Z","action":"half a li',
    "NULs": b"\0" * 4096,
    "garbage": bytes(range(128, 256)) * 40,
    "a line of garbage": b"no entry at all\n",
    "a whole object that is no entry, and half of one": b'{"seq":4}\n{"seq":5',
    "a megabyte": b"x" * (1 << 20),
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS.keys())
def test_the_next_writer_repairs_a_torn_tail_and_records_it(tmp_path: Path, tail: bytes) -> None:
    home = tmp_path / "qt"
    for number in range(3):
        succeeded(cli(home, "log", f"entry {number}"))
    segment = next(record_of(home).glob("*.jsonl"))
    with segment.open("ab") as file:
        end = file.tell()
        file.write(tail)
    succeeded(cli(home, "log", "the next"))
    entries = check(home)
    assert actions(entries) == [
        "entry 0",
        "entry 1",
        "entry 2",
        "Audit record: repaired a torn tail",
        "the next",
    ]
    details = notes(entries)[0]["details"]
    assert details["offset"] == end
    assert details["torn_bytes"] == len(tail)
    assert details["torn_sha256"] == hashlib.sha256(tail).hexdigest()


def test_entries_that_a_killed_writer_left_after_the_head_are_adopted(tmp_path: Path) -> None:
    """Written, not in the head, not in the log: as if killed between the two."""
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "first"))
    head, log = record_of(home) / "head", home / "status/AUTO_REPAIR_AUDIT.log"
    before, written = head.read_bytes(), log.read_bytes()
    succeeded(cli(home, "log", "second"))
    succeeded(cli(home, "log", "third"))
    head.write_bytes(before)
    log.write_bytes(written + b"[2026-11-2")
    succeeded(cli(home, "log", "fourth"))
    entries = check(home)
    assert actions(entries) == ["first", "second", "third", "fourth"]
    assert notes(entries) == []


def test_entries_that_are_in_the_log_already_are_not_written_there_twice(tmp_path: Path) -> None:
    """Also where the log was rotated between the writer's death and the next writer."""
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "first"))
    head, log = record_of(home) / "head", home / "status/AUTO_REPAIR_AUDIT.log"
    before = head.read_bytes()
    succeeded(cli(home, "log", "second"))
    head.write_bytes(before)
    log.rename(log.with_name(f"{log.name}-20261123-1"))
    succeeded(cli(home, "log", "third"))
    assert actions(check(home)) == ["first", "second", "third"]


def test_many_entries_after_the_head_are_adopted_once(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "first"))
    head = record_of(home) / "head"
    before = head.read_bytes()
    lines = "\n".join(f"entry {number} {'x' * 200}" for number in range(1500))
    succeeded(cli(home, "log", "-", stdin=lines.encode()))
    head.write_bytes(before)
    succeeded(cli(home, "log", "last"))
    assert len(check(home)) == 1502


def test_a_whole_line_that_does_not_continue_the_chain_is_kept_and_recorded(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    for number in range(3):
        succeeded(cli(home, "log", f"entry {number}"))
    segment = next(record_of(home).glob("*.jsonl"))
    foreign = segment.read_bytes().split(b"\n")[0]
    with segment.open("ab") as file:
        file.write(foreign + b"\n")
    succeeded(cli(home, "log", "the next"))
    lines = segment.read_bytes().split(b"\n")[:-1]
    assert lines[3] == foreign
    del lines[3]
    segment.write_bytes(b"\n".join(lines) + b"\n")
    entries = read_record(record_of(home))
    note = entries[3]
    assert "do not continue the chain" in note["action"]
    assert note["outcome"] == "failed"
    assert actions(entries)[4] == "the next"


def test_a_new_record_beside_an_old_log_is_recorded(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "one"))
    shutil.rmtree(record_of(home))
    succeeded(cli(home, "log", "two"))
    entries = read_record(record_of(home))
    assert actions(entries) == [
        "Audit record: begins anew, though AUTO_REPAIR_AUDIT.log has lines already",
        "two",
    ]
    assert entries[0]["outcome"] == "failed"


@pytest.mark.parametrize(
    "text", ["x" * 8000, "ü" * 1500, "🎉" * 700], ids=["ascii", "two bytes", "surrogates"]
)
def test_the_log_has_a_long_action_as_it_is_cut_in_the_record(tmp_path: Path, text: str) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", text))
    entry = read_record(record_of(home))[0]
    log = (home / "status/AUTO_REPAIR_AUDIT.log").read_text()
    assert log == f"[{entry['ts']}] {entry['action']}\n"
    assert entry["details"]["action_excerpt"]["length"] == len(text)
