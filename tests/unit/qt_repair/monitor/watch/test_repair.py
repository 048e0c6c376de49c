"""A threshold `repair`: the answer of a repair's probe."""

from __future__ import annotations

import json
import sys

import pytest

from qt_repair.monitor.thresholds import BAD, GOOD
from tests.support.monitoring import command_watcher


@pytest.mark.parametrize(("state", "level"), [("healthy", GOOD), ("unhealthy", BAD)])
def test_the_result_of_the_probe_decides(state: str, level: str) -> None:
    answer = json.dumps({"results": [{"name": "x", "state": state, "text": "so it is"}]}).encode()
    reading = command_watcher("repair", repair="x", timeout=1).parse(int(level == BAD), answer, "")
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
def test_a_probe_that_cannot_tell_leaves_the_state_unknown(output: bytes, errors: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        command_watcher("repair", repair="x", timeout=1).parse(2, output, errors)


def test_the_probe_is_run_by_auto_repair_system() -> None:
    argv = command_watcher("repair", repair="x", timeout=1).argv()
    assert argv == [
        sys.executable, "/opt/qt/scripts/auto_repair_system.py", "--probe", "--only", "x", "--json",
    ]  # fmt: skip
