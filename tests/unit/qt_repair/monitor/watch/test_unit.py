"""A threshold `unit`: what systemd's answers mean."""

from __future__ import annotations

import pytest

from qt_repair.monitor.thresholds import BAD, BETWEEN, GOOD
from tests.support.monitoring import command_watcher


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
def test_a_unit_is_good_while_it_is_active(load: str, active: str, sub: str, level: str) -> None:
    output = f"LoadState={load}\nActiveState={active}\nSubState={sub}\n".encode()
    reading = command_watcher("unit", unit="x.service").parse(0, output, "")
    assert (reading.level, reading.text) == (level, f"{active} ({sub})")


@pytest.mark.parametrize(
    ("exit_code", "output", "errors", "says"),
    [
        (1, b"", "Failed to connect to bus: No such file or directory\n", "Failed to connect to bus"),
        (1, b"", "", "systemctl ended with 1"),
        (0, b"LoadState=not-found\nActiveState=inactive\nSubState=dead\n", "", "knows no such unit"),
    ],
)
def test_the_state_of_a_unit_that_cannot_be_queried_is_unknown(
    exit_code: int, output: bytes, errors: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        command_watcher("unit", unit="x.service").parse(exit_code, output, errors)
