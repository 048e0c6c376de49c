"""How durations are written for people."""

from __future__ import annotations

import pytest

from qt_repair.monitor.event_loop.clock import duration_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.34, "0.3 s"), (9.96, "10 s"), (42.4, "42 s"), (60, "1 min"), (185, "3 min 5 s"),
        (7800, "2 h 10 min"), (86400 * 3 + 3600 * 4, "3 d 4 h"), (-5, "0 s"),
    ],
)  # fmt: skip
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
