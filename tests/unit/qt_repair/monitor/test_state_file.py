"""What the monitor reads from its state file: nothing that it cannot compute with or show."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from qt_audit.record.place import Place
from qt_repair.monitor.state.file import StateError, read_state

NOW = 1_800_000_000.0
THRESHOLD: dict[str, Any] = {
    "name": "memory",
    "kind": "memory",
    "level": 90,
    "unit": "%",
    "hold": 0,
    "repairs": ["cache"],
    "reading": {"level": "bad", "text": "95 % used", "value": 95.0},
    "read_at": NOW,
    "phase": "breached",
    "since": NOW,
    "flaps": {"recent": [NOW], "since": NOW, "counted": 0, "run": ""},
    "incident": {"run": "ab", "since": NOW, "attempts": 1, "acting": "", "next_at": NOW, "child": ""},
    "last": {"since": NOW, "until": None, "text": "95 % used"},
}
NAN, INFINITY = float("nan"), float("inf")


def loaded(home: Path, content: str) -> list[dict[str, Any]]:
    (home / "status/repair").mkdir(parents=True)
    (home / "status/repair/monitor.json").write_text(content)
    found: list[dict[str, Any]] = read_state(Place(str(home), home=True))["thresholds"]
    return found


def test_a_saved_state_is_read_back_unchanged(tmp_path: Path) -> None:
    assert loaded(tmp_path, json.dumps({"thresholds": [THRESHOLD]})) == [THRESHOLD]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("since",), NAN),
        (("since",), "then"),
        (("name",), []),
        (("phase",), "odd"),
        (("repairs",), "cache"),
        (("reading", "text"), None),
        (("flaps", "recent"), []),
        (("flaps", "recent"), [None]),
        (("incident", "attempts"), INFINITY),
        (("incident", "since"), -1e300),
        (("incident", "child"), 7),
        (("last", "since"), 1e300),
        (("last",), {}),
    ],
)
def test_only_a_damaged_threshold_is_dropped(tmp_path: Path, path: tuple[str, ...], value: object) -> None:
    damaged = copy.deepcopy(THRESHOLD)
    place = damaged if len(path) == 1 else damaged[path[0]]
    place[path[-1]] = value
    assert loaded(tmp_path, json.dumps({"thresholds": [damaged, 5, THRESHOLD]})) == [THRESHOLD]


@pytest.mark.parametrize("content", ["", "[]", '{"thresholds": 1}', '{"thresholds": ' + "[" * 99999])
def test_a_state_file_that_is_damaged_as_a_whole_is_named(tmp_path: Path, content: str) -> None:
    with pytest.raises(StateError, match=r"monitor\.json: is damaged"):
        loaded(tmp_path, content)
