"""An installation to validate, and the weekly validation run on it as by cron or by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.checkout import TOOLS
from tests.support.recording import read_record, record_of
from tests.support.records import cli_environment

BOUND = 120
"""Seconds after which a run counts as hung."""
QUIET: dict[str, Any] = {"audit_trail": {"doctor": False}}
"""Settings for an installation outside a host: it has no schedule and no log rotation, so no doctor."""
NAMES = ("ai_agent", "module_integrity", "docker_health", "smoke_tests", "audit_trail")

_CLOCKED = """
import os, sys
sys.path.insert(0, os.environ["TEST_TOOLS"])
from qt_repair.weekly import command_line
sys.exit(command_line.main(sys.argv[2:], lambda: sys.argv[1]))
"""


def install(home: Path, phases: Mapping[str, Any] | None = None, **more: Any) -> Path:
    """A QT_HOME whose weekly configuration has these phases."""
    (home / "config").mkdir(parents=True, exist_ok=True)
    for name, value in {
        "auto_repair_system": {"repairs": more.pop("repairs", {})},
        "weekly_self_heal": {"phases": {**QUIET, **(phases or {})}, **more},
    }.items():
        path = home / f"config/{name}.yml"
        path.write_text(json.dumps(value))  # JSON is YAML
        path.chmod(0o640)
    return home


def tree(path: Path, files: Mapping[str, str]) -> Path:
    """Write a directory of files, from their paths in it and their contents."""
    for name, source in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return path


def environment(home: Path, **more: str) -> dict[str, str]:
    return cli_environment(home, {"TEST_TOOLS": str(TOOLS), "PYTHONDONTWRITEBYTECODE": "1", **more})


def command(*arguments: str, at: str | None = None) -> list[str]:
    """The command line; with `at` it runs at that simulated time."""
    if at is None:
        return [sys.executable, str(TOOLS / "weekly_self_heal.py"), *arguments]
    return [sys.executable, "-c", _CLOCKED, at, *arguments]


def start(home: Path, *arguments: str, at: str | None = None, **env: str) -> subprocess.Popen[str]:
    """Start the validation. The caller ends it."""
    return subprocess.Popen(
        command(*arguments, at=at),
        env=environment(home, **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(home: Path, *arguments: str, at: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the validation to its end, and check that it prints no traceback."""
    process = start(home, *arguments, at=at, **env)
    try:
        out, err = process.communicate(timeout=BOUND)
    finally:
        process.kill()
    assert "Traceback" not in out + err, out + err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def answer(home: Path, *arguments: str, **env: str) -> dict[str, Any]:
    """Its answer as JSON, whatever its exit status."""
    done = run(home, *arguments, "--json", **env)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def verdicts(found: Mapping[str, Any]) -> dict[str, str]:
    """Phase -> PASSED, COMPLETED, FAILED or SKIPPED."""
    return {row["phase"]: row["verdict"] for row in found["phases"]}


def row(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The result of a phase in the answer."""
    rows: list[dict[str, Any]] = [row for row in found["phases"] if row["phase"] == name]
    return rows[0]


def entries(home: Path) -> list[dict[str, Any]]:
    """All entries, checked against the contract of the record."""
    return read_record(record_of(home))


def actions(home: Path) -> list[str]:
    return [entry["action"] for entry in entries(home)]


def lines(path: Path) -> list[str]:
    """The lines that the command of a test has written to a file."""
    return path.read_text().splitlines() if path.exists() else []


def noting(path: Path) -> list[str]:
    """A command that writes a line to this file each time it runs."""
    return ["/bin/sh", "-c", 'echo run >> "$0"', str(path)]


def copy_release(home: Path) -> Path:
    """Install the tools as a release, and let `current` link to it."""
    release = home / "releases/0123456789ab"
    shutil.copytree(TOOLS, release / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "current").symlink_to("releases/0123456789ab")
    return release
