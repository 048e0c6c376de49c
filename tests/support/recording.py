"""Start real writers in processes of their own, and check records against the contract without our code."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import TOOLS

LOG = "AUTO_REPAIR_AUDIT.log"
KEYS = ["seq", "ts", "action", "source", "outcome", "host", "user", "pid", "run", "details", "prev"]
GENESIS = "0" * 64
TS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
BOUND = 120
"""Seconds after which a process of a test counts as hung."""

PYTHON = os.path.realpath(sys.executable)
"""Not of a virtual environment: recording needs only the standard library."""
PRELUDE = """
import os, sys, time, json, signal, threading
sys.path.insert(0, os.environ["TEST_TOOLS"])
from audit_logger import AuditError, action, log_action
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a writer of this installation; its first fallback place is beside QT_HOME."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "QT_HOME": str(home),
        "HOME": str(home.parent),
        "XDG_STATE_HOME": str(state(home)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TEST_TOOLS": str(TOOLS),
        **more,
    }


def state(home: Path) -> Path:
    """XDG_STATE_HOME of the writers of this installation."""
    return home.parent / f"{home.name}-state"


def state_fallback(home: Path) -> Path:
    return state(home) / "quantum_trader"


def fallback_record(home: Path, place: Path | None = None) -> Path:
    """The record of this installation in a fallback place (default: the first one)."""
    return (place or state_fallback(home)) / f"record-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"


def start(
    home: Path, code: str, *arguments: object, prefix: tuple[str, ...] = (), **env: str
) -> subprocess.Popen[str]:
    """Start a program that uses audit_logger. The caller ends it."""
    return subprocess.Popen(
        [*prefix, PYTHON, "-c", PRELUDE + textwrap.dedent(code), *map(str, arguments)],
        env=environment(home, **env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def started(
    home: Path, code: str, *arguments: object, prefix: tuple[str, ...] = (), **env: str
) -> Iterator[subprocess.Popen[str]]:
    """A started program, which is ended at the end of the block at the latest."""
    process = start(home, code, *arguments, prefix=prefix, **env)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a started process; its output and exit status."""
    try:
        out, err = process.communicate(timeout=BOUND)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def program(
    home: Path, code: str, *arguments: object, prefix: tuple[str, ...] = (), **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that uses audit_logger to its end."""
    return finish(start(home, code, *arguments, prefix=prefix, **env))


def cli(
    home: Path, *arguments: str, prefix: tuple[str, ...] = (), stdin: bytes | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    seen = environment(home, **env)
    done = subprocess.run(
        [*prefix, PYTHON, f"{seen['TEST_TOOLS']}/audit_logger.py", *arguments],
        env=seen,
        input=b"" if stdin is None else stdin,
        capture_output=True,
        timeout=BOUND,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args,
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """The output of a process; if it failed, the test fails with its errors."""
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class TemporaryUser:
    """A temporary user without privileges, with an installation that other users can reach."""

    uid: int
    home: Path
    tools: Path

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups")

    @property
    def var_tmp_fallback(self) -> Path:
        return Path(f"/var/tmp/quantum_trader-{self.uid}")

    def program(self, code: str, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program that uses audit_logger to its end, as this user."""
        return program(self.home, code, *arguments, prefix=self.prefix, TEST_TOOLS=str(self.tools), **env)

    def start(self, code: str, *arguments: object, **env: str) -> subprocess.Popen[str]:
        return start(self.home, code, *arguments, prefix=self.prefix, TEST_TOOLS=str(self.tools), **env)

    def cli(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return cli(self.home, *arguments, prefix=self.prefix, stdin=None, TEST_TOOLS=str(self.tools), **env)


@contextmanager
def temporary_user() -> Iterator[TemporaryUser]:
    """A user of this test alone, removed with all its files afterwards. Needs root."""
    if os.geteuid() != 0:
        pytest.fail("becomes another user: run as root, as `make test` does", pytrace=False)
    uid = 100_000 + secrets.randbelow(1 << 30)
    root = Path(tempfile.mkdtemp(prefix="recording-"))
    try:
        root.chmod(0o755)
        shutil.copytree(TOOLS, root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        mine = root / "user"
        mine.mkdir()
        os.chown(mine, uid, uid)
        yield TemporaryUser(uid, mine / "qt", root / "tools")
    finally:
        shutil.rmtree(root)
        shutil.rmtree(f"/var/tmp/quantum_trader-{uid}", ignore_errors=True)


@contextmanager
def small_disk(at: Path, kilobytes: int, options: str = "") -> Iterator[Path]:
    """Mount a real file system of this size. Needs root."""
    if os.geteuid() != 0:
        pytest.fail("mounts a file system: run as root, as `make test` does", pytrace=False)
    at.mkdir(parents=True, exist_ok=True)
    option = f"size={kilobytes}k,mode=0755{options}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(file: Path) -> None:
    """Fill the disk. The file gets its name only after the disk is full."""
    growing = file.with_suffix(".growing")
    with growing.open("wb", buffering=0) as filler:
        for block in (1 << 20, 1 << 12):
            try:
                while True:
                    filler.write(bytes(block))
            except OSError:
                continue
    growing.rename(file)


def record_of(home: Path) -> Path:
    return home / "status/record"


def segments(record: Path) -> list[Path]:
    """The segments in the order of their entries: the first `seq` of each. Empty ones are the last."""
    found = sorted(path for path in record.iterdir() if path.name.endswith((".jsonl", ".jsonl.gz")))
    return sorted(found, key=lambda path: next(map(_seq, lines_of(path)[:1]), 1 << 64))


def _seq(line: bytes) -> int:
    return int(line.removeprefix(b'{"seq":').partition(b",")[0])


def lines_of(path: Path) -> list[bytes]:
    """The lines of a segment without their newlines; the last line must have one."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if not content:
        return []
    assert content.endswith(b"\n"), f"{path} ends in the middle of a line: {content[-100:]!r}"
    return content[:-1].split(b"\n")


def read_record(record: Path, first: int = 1, prev: str = GENESIS) -> list[dict[str, Any]]:
    """All entries of a record, oldest first, after a check of each line against the contract."""
    entries: list[dict[str, Any]] = []
    for path in segments(record):
        ts = ""
        for number, raw in enumerate(lines_of(path), 1):
            where = f"{path.name}, line {number}"
            assert len(raw) + 1 <= 8000, where
            assert raw.isascii(), where
            pairs = json.loads(raw, object_pairs_hook=list)
            entry = json.loads(raw)
            assert [key for key, _ in pairs] == KEYS, where
            assert entry["seq"] == first + len(entries), where
            assert entry["prev"] == prev, where
            assert TS.fullmatch(entry["ts"]), where
            assert entry["ts"] >= ts, where
            assert entry["ts"][:7] == path.name[:7], where
            assert entry["outcome"] in ("info", "started", "succeeded", "failed"), where
            prev, ts = hashlib.sha256(raw).hexdigest(), entry["ts"]
            entries.append(entry)
    return entries


def log_lines(home: Path) -> list[str]:
    """All lines of the log that people read and of the rotated logs, oldest first."""
    current = home / "status" / LOG
    rotated = sorted(path for path in (home / "status").iterdir() if path.name.startswith(f"{LOG}-"))
    found: list[str] = []
    for path in [*rotated, *([current] if current.exists() else [])]:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert not content or content.endswith(b"\n"), path
        found += content.decode().split("\n")[:-1]
    return found


def head_of(home: Path) -> dict[str, Any]:
    head: dict[str, Any] = json.loads((record_of(home) / "head").read_bytes())
    return head


def check(home: Path) -> list[dict[str, Any]]:
    """All entries, after a check that record, head and log agree. Needs entries of plain text."""
    entries = read_record(record_of(home))
    assert log_lines(home) == [f"[{entry['ts']}] {entry['action']}" for entry in entries]
    head = head_of(home)
    if entries:
        last = segments(record_of(home))[-1]
        assert head["seq"] == entries[-1]["seq"]
        assert head["hash"] == hashlib.sha256(lines_of(last)[-1]).hexdigest()
        assert head["segment"] == last.name
        assert head["offset"] == last.stat().st_size
        assert head["ts"] >= entries[-1]["ts"]
    return entries


def actions(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["action"] for entry in entries]


def notes(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries that the record has about itself."""
    return [entry for entry in entries if entry["source"] == "audit_record"]
