"""What watchers make of what they see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qt_repair.monitor.event_loop.clock import spoken
from qt_repair.monitor.thresholds import BAD, BETWEEN, GOOD, UNKNOWN
from qt_repair.monitor.watch import watcher_of
from qt_repair.monitor.watcher import Asking, Direct, Waiting


def asking(kind: str, **settings: Any) -> Asking:
    watcher = watcher_of(kind, settings, "/opt/qt")
    assert isinstance(watcher, Asking)
    return watcher


def looking(kind: str, **settings: Any) -> Direct | Waiting:
    watcher = watcher_of(kind, settings, "/opt/qt")
    assert isinstance(watcher, (Direct, Waiting))
    return watcher


@pytest.mark.parametrize(
    ("load", "active", "sub", "level"),
    [
        ("loaded", "active", "running", GOOD),
        ("loaded", "active", "exited", GOOD),
        ("loaded", "reloading", "reload", GOOD),
        ("loaded", "activating", "start", BETWEEN),
        ("loaded", "activating", "auto-restart", BAD),
        ("loaded", "failed", "failed", BAD),
        ("loaded", "inactive", "dead", BAD),
        ("masked", "inactive", "dead", BAD),
        ("loaded", "deactivating", "stop-sigterm", BAD),
    ],
)
def test_a_unit_is_well_while_it_is_active(load: str, active: str, sub: str, level: str) -> None:
    output = f"LoadState={load}\nActiveState={active}\nSubState={sub}\n".encode()
    reading = asking("unit", unit="x.service").read(0, output, "")
    assert (reading.level, reading.text) == (level, f"{active} ({sub})")


@pytest.mark.parametrize(
    ("exit_code", "output", "errors", "says"),
    [
        (1, b"", "Failed to connect to bus: No such file or directory\n", "Failed to connect to bus"),
        (1, b"", "", "systemctl ended with 1"),
        (0, b"LoadState=not-found\nActiveState=inactive\nSubState=dead\n", "", "knows no such unit"),
    ],
)
def test_of_a_unit_that_cannot_be_asked_nothing_is_told(
    exit_code: int, output: bytes, errors: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        asking("unit", unit="x.service").read(exit_code, output, errors)


@pytest.mark.parametrize(("state", "level"), [("healthy", GOOD), ("unhealthy", BAD)])
def test_a_probe_is_believed(state: str, level: str) -> None:
    answer = json.dumps({"results": [{"name": "x", "state": state, "text": "so it is"}]}).encode()
    reading = asking("repair", repair="x", timeout=1).read(int(level == BAD), answer, "")
    assert (reading.level, reading.text) == (level, "so it is")


@pytest.mark.parametrize(
    ("output", "errors", "says"),
    [
        (b'{"results": [{"name": "x", "state": "unknown", "text": "no right to look"}]}', "", "no right"),
        (b"", "auto_repair_system.py: At 'repairs.x': unknown key\n", "At 'repairs.x': unknown key"),
        (b"[]", "", "ended with 2"),
        (b'{"results": []}', "", "ended with 2"),
    ],
)
def test_a_probe_that_cannot_tell_is_no_breach(output: bytes, errors: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        asking("repair", repair="x", timeout=1).read(2, output, errors)


def test_a_probe_is_asked_by_its_program() -> None:
    argv = asking("repair", repair="x", timeout=1).argv()
    assert argv == [
        sys.executable, "/opt/qt/scripts/auto_repair_system.py", "--probe", "--only", "x", "--json",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["cpu", "load", "memory", "swap"])
def test_what_the_kernel_counts_is_read(kind: str) -> None:
    watcher = looking(kind, trigger=100_000, clear=99_999)
    reading = watcher.look()
    assert reading.level == GOOD
    assert isinstance(reading.value, float)
    assert reading.value >= 0


@pytest.mark.parametrize("kind", ["disk", "inodes"])
def test_a_mount_is_read_as_df_does(kind: str) -> None:
    reading = looking(kind, mount="/", trigger=1000, clear=999).look()
    column = "ipcent" if kind == "inodes" else "pcent"
    said = subprocess.run(["df", f"--output={column}", "/"], capture_output=True, text=True, check=True)
    shown = said.stdout.split()[-1].rstrip("%")
    assert isinstance(reading.value, float)
    assert reading.value <= float(shown if shown != "-" else 0) + 1


def test_where_nothing_is_mounted_it_cannot_tell() -> None:
    reading = looking("disk", mount="/usr/bin", trigger=90, clear=80).look()
    assert (reading.level, reading.text) == (
        UNKNOWN,
        "/usr/bin is not a mount point: mount it, or correct the threshold",
    )


@pytest.mark.parametrize(("more", "level"), [(0, GOOD), (1000, BAD)])
def test_processes_are_counted_by_name(more: int, level: str) -> None:
    name = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    watcher = looking("process", process=name, minimum=1 + more)
    assert [watcher.look().level, watcher.look().level] == [level, level]


def test_a_kernel_without_pressure_is_named() -> None:
    watcher = looking("pressure", resource="nothing", share="some", trigger=5, clear=1, window=2)
    with pytest.raises(ValueError, match=r"keeps no pressure \(PSI\)"):
        watcher.look()
    watcher.close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.34, "0.3 s"), (9.96, "10 s"), (42.4, "42 s"), (60, "1 min"), (185, "3 min 5 s"),
        (7800, "2 h 10 min"), (86400 * 3 + 3600 * 4, "3 d 4 h"), (-5, "0 s"),
    ],
)  # fmt: skip
def test_how_long_it_lasted_is_said_in_words(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
