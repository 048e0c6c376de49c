"""A threshold `process`: how many of a name run."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt_repair.monitor.thresholds import BAD, GOOD
from tests.support.monitoring import reading_watcher


@pytest.mark.parametrize(("more", "level"), [(0, GOOD), (1000, BAD)])
def test_processes_are_counted_by_name(more: int, level: str) -> None:
    name = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    watcher = reading_watcher("process", process=name, minimum=1 + more)
    assert [watcher.read().level, watcher.read().level] == [level, level]
