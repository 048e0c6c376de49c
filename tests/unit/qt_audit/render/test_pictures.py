"""The pictures stay within their frames, show small values, and draw a bounded number of boxes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.record.entry import OUTCOMES, Draft
from qt_audit.render.svg import bars
from qt_audit.render.timeline import Timeline, timeline
from qt_audit.report.contents import Part, ReportContext, build_report
from qt_audit.report.figures import Count
from qt_audit.report.grid import grid
from qt_audit.report.intervals import Runs
from qt_audit.summary.contents import summarise
from qt_audit.summary.period import Period
from tests.support.records import draft
from tests.support.reporting import TRIGGERED, busy_month, entries_of

MONTH = Period("monthly", date(2026, 11, 1))
WIDTHS = pytest.mark.parametrize("width", [720, 350])
COUNTS = st.lists(st.lists(st.integers(0, 10**6), min_size=4, max_size=4), min_size=1, max_size=70)


def drawn(drafts: list[Draft], width: int, now: str = "2026-12-01T00:00:00.000000Z") -> Timeline:
    entries, runs, count = entries_of(drafts), Runs(), Count("day")
    for entry in entries:
        runs.add(entry)
        count.add(entry)
    return timeline(
        build_report(summarise(entries, MONTH, now), count, runs, grid(MONTH), None, ReportContext()), width
    )


@WIDTHS
@given(COUNTS)
def test_bars_stay_within_their_frame(width: int, found: list[list[int]]) -> None:
    parts = [
        Part(ts, dict(zip(OUTCOMES, one, strict=True)))
        for ts, one in zip(grid_of(len(found)), found, strict=True)
    ]
    picture = bars(parts, "day", width)
    for bar, part in zip(picture.bars, parts, strict=True):
        assert len(bar.boxes) == sum(number > 0 for number in part.counts.values())
        for box in bar.boxes:
            assert picture.left <= box.x
            assert box.x + box.width <= picture.right + 0.02
            assert box.height >= 3
            assert box.y >= 0
            assert box.y + box.height <= picture.base + 0.02
    assert all(0 <= label.x <= width for label in picture.labels)
    assert 2 <= len(picture.ticks) <= 7


def grid_of(days: int) -> tuple[str, ...]:
    return grid(Period("monthly", date(2026, 1, 1))).starts[:1] * days


def test_of_equal_counts_the_bars_are_equally_high() -> None:
    parts = [Part("2026-11-01T00:00:00.000000Z", {"succeeded": 40, "failed": 60})] * 3
    heights = [[box.height for box in bar.boxes] for bar in bars(parts, "day", 720).bars]
    assert heights[0] == heights[1] == heights[2]
    failed, succeeded = heights[0]
    assert failed == pytest.approx(succeeded * 1.5, abs=0.02)


@WIDTHS
def test_a_timeline_of_many_repairs_stays_within_its_frame_and_draws_few_boxes(width: int) -> None:
    picture = drawn(list(busy_month(20_000)), width)
    boxes = [box for track in picture.tracks for box in track.boxes]
    assert len(picture.tracks) == 12
    assert 12 <= len(boxes) <= 240
    for box in boxes:
        assert picture.left <= box.x
        assert box.x + box.width <= picture.right + 0.02
        assert box.y >= 0
        assert box.y + box.height <= picture.height
    assert all(0 <= tick.x <= width - 20 for tick in picture.ticks)
    steps = [later.x - tick.x for tick, later in zip(picture.ticks, picture.ticks[1:], strict=False)]
    assert min(steps) >= 50


@WIDTHS
def test_a_short_interval_is_still_visible(width: int) -> None:
    picture = drawn(
        [
            draft("Repairs", "2026-11-10", "started", run="a"),
            draft("Repaired", "2026-11-10", "failed", run="a"),
        ],
        width,
    )
    ((box,),) = [track.boxes for track in picture.tracks]
    assert (box.kind, box.width >= 8) == ("failed", True)


def test_a_thing_still_broken_is_drawn_until_now() -> None:
    now = "2026-11-16T00:00:00.000000Z"
    broken = draft(TRIGGERED, "2026-11-11", "started", run="a", details={"threshold": "disk"})
    picture = drawn([broken], 720, now)
    ((box,),) = [track.boxes for track in picture.tracks]
    assert picture.now is not None
    assert box.x + box.width == pytest.approx(picture.now, abs=0.02)
    assert box.says == "broken since 11 Nov 00:00"
