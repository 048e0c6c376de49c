"""`verify` as a program: what it prints, coreutils agree with it, no false alarm while others write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.checkout import FACE
from tests.support.records import make_record

WRITER = (
    "import sys; sys.path.insert(0, sys.argv[1]); from audit_logger import log_action\n"
    "while True: log_action('busy', source='w')"
)


def tool(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FACE), *arguments],
        env={**os.environ, "QT_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def writers(home: Path, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    environment = {
        **os.environ,
        "QT_HOME": str(home),
        "XDG_STATE_HOME": str(home / "elsewhere"),
        "QT_LOCK_TIMEOUT": "60",
    }
    busy = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(FACE.parent)], env=environment, stderr=subprocess.DEVNULL
        )
        for _ in range(count)
    ]
    try:
        deadline = time.monotonic() + 60
        while not (home / "status/record/head").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield busy
    finally:
        for writer in busy:
            writer.kill()
            writer.wait()


def test_verify_prints_the_head_and_the_verdict_last(tmp_path: Path) -> None:
    head = make_record(tmp_path, 100, start="2026-10-30T08:00:00Z", step=3600)
    done = tool(tmp_path, "verify")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"Head: seq 100, sha256 {head.hash}",
        "✅ Record whole: 100 entries (seq 1 to 100) in 2 segments",
    ]
    assert done.stderr == ""


def test_verify_names_a_fault_and_exits_with_1(tmp_path: Path) -> None:
    make_record(tmp_path, 60)
    segment = tmp_path / "status/record/2026-11.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"#41", b"#14"))
    done = tool(tmp_path, "verify")
    assert done.returncode == 1
    assert "❌ altered: 2026-11.jsonl, line 41, seq 41: the line was changed" in done.stdout
    answer = json.loads(tool(tmp_path, "verify", "--json").stdout)
    assert answer["whole"] is False
    assert answer["faults"][0]["kind"] == "altered"
    assert (answer["faults"][0]["file"], answer["faults"][0]["seq"]) == ("2026-11.jsonl", 41)


def test_verify_agrees_with_coreutils(tmp_path: Path) -> None:
    make_record(tmp_path, 60)
    segment = tmp_path / "status/record/2026-11.jsonl"
    script = f"sed -n 41p {segment} | tr -d '\\n' | sha256sum"
    digest = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout[:64]
    assert json.loads(segment.read_text().splitlines()[41])["prev"] == digest
    assert tool(tmp_path, "verify").returncode == 0


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--jobs", "many"], ["--nonsense"]])
def test_wrong_use_is_one_line_and_exit_2(tmp_path: Path, arguments: list[str]) -> None:
    done = tool(tmp_path, "verify", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_no_record_is_a_clear_no(tmp_path: Path) -> None:
    done = tool(tmp_path / "nowhere", "verify")
    assert done.returncode == 1
    assert "no record at" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "nowhere").exists()


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    make_record(tmp_path, 150_000, step=10, log=False)
    one = tool(tmp_path, "verify", "--jobs", "1")
    assert one.returncode == 0, one.stdout
    assert tool(tmp_path, "verify", "--jobs", "3").stdout == one.stdout
    segment = tmp_path / "status/record/2026-11.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"#140041", b"#140014"))
    several = tool(tmp_path, "verify", "--jobs", "3")
    assert several.returncode == 1
    assert "line 140041, seq 140041" in several.stdout
    assert tool(tmp_path, "verify", "--jobs", "1").stdout == several.stdout


def test_no_false_alarm_while_eight_writers_append(tmp_path: Path) -> None:
    with writers(tmp_path, 8):
        for _ in range(15):
            done = tool(tmp_path, "verify", QT_LOCK_TIMEOUT="60")
            assert done.returncode == 0, done.stdout + done.stderr
    assert tool(tmp_path, "verify").returncode == 0


def test_a_writer_that_hangs_is_no_fault_and_does_not_hang_verify(tmp_path: Path) -> None:
    with writers(tmp_path, 4) as busy:
        time.sleep(0.5)
        for writer in busy:
            writer.send_signal(signal.SIGSTOP)
        try:
            done = tool(tmp_path, "verify", QT_LOCK_TIMEOUT="0.2")
        finally:
            for writer in busy:
                writer.send_signal(signal.SIGCONT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fault_is_named_while_writers_append_after_it(tmp_path: Path) -> None:
    make_record(tmp_path, 60, start="2026-10-01T00:00:00Z")
    segment = tmp_path / "status/record/2026-10.jsonl"
    segment.chmod(0o640)
    segment.write_bytes(segment.read_bytes().replace(b"#41", b"#14"))
    with writers(tmp_path, 4):
        time.sleep(0.3)
        answer = json.loads(tool(tmp_path, "verify", "--json", QT_LOCK_TIMEOUT="60").stdout)
    assert [(fault["kind"], fault["seq"]) for fault in answer["faults"]] == [("altered", 41)]


def test_a_segment_deleted_under_the_writers_is_missing(tmp_path: Path) -> None:
    with writers(tmp_path, 4):
        time.sleep(0.5)
        next((tmp_path / "status/record").glob("*.jsonl")).unlink()
        time.sleep(0.5)
    done = tool(tmp_path, "verify", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert [fault["kind"] for fault in answer["faults"]] == ["missing"]
    assert answer["faults"][0]["seq"] == 1


def test_a_torn_tail_is_a_fault_until_a_writer_repaired_it(tmp_path: Path) -> None:
    make_record(tmp_path, 10)
    with (tmp_path / "status/record/2026-11.jsonl").open("ab") as file:
        file.write(b'{"seq":11,"ts":"2026')
    torn = tool(tmp_path, "verify")
    assert torn.returncode == 1
    assert "torn: 2026-11.jsonl" in torn.stdout
    assert tool(tmp_path, "test").returncode == 0
    mended = tool(tmp_path, "verify")
    assert mended.returncode == 0, mended.stdout


AS_NOBODY = """\
import os, sys
sys.path.insert(0, sys.argv[1])
import audit_logger
from qt_audit.commands import archive, rebuild_log, verify  # before this user can no longer read them
os.setgroups([]), os.setgid(65534), os.setuid(65534)
sys.exit(audit_logger.main(sys.argv[2:]))
"""


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("command", ["verify", "archive", "rebuild_log"])
def test_missing_rights_to_read_the_record_are_reported_in_one_line(command: str) -> None:
    with tempfile.TemporaryDirectory(prefix="qt-verify-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        home = Path(directory, "home")
        make_record(home, 10)
        home.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(FACE.parent), command],
            env={"QT_HOME": str(home), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    says = f"{home}/status: Permission denied: run this as its owner or as root"
    assert done.stderr == f"audit_logger.py: {says}\n"
