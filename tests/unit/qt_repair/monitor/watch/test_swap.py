"""A threshold `swap`: the used swap."""

from __future__ import annotations

from qt_repair.monitor.thresholds import BAD, GOOD
from tests.support.monitoring import reading_watcher


def test_it_is_read_from_the_kernel() -> None:
    reading = reading_watcher("swap", trigger=100_000, clear=99_999).read()
    assert reading.level == GOOD
    assert isinstance(reading.value, float)
    assert reading.value >= 0


def test_from_the_trigger_on_it_is_bad() -> None:
    assert reading_watcher("swap", trigger=0, clear=-1).read().level == BAD
