"""The positions of the parts of a picture, in units of its viewBox; here of the actions by time. Pure.

This computes numbers; the templates draw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qt_audit.record.entry import OUTCOMES
from qt_audit.render import words
from qt_audit.report.contents import Part

STACK = ("failed", "started", "succeeded", "info")
"""From the bottom up: what matters most is at the base line, where heights are compared best."""
_MIN_HEIGHT = 3.0
"""Smallest height of a box, so that a small number is still visible."""
assert set(STACK) == set(OUTCOMES)


@dataclass(frozen=True)
class Box:
    """A rectangle. `kind` is its style, `says` its label."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    says: str = ""


@dataclass(frozen=True)
class AxisLabel:
    """A text on an axis."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Bar:
    """The bar of one part of the period: its boxes, and their common label."""

    boxes: tuple[Box, ...]
    says: str
    failed: int
    x: float
    """Its middle."""
    top: float
    left: float
    width: float


@dataclass(frozen=True)
class Bars:
    """Actions by time and outcome."""

    width: int
    height: int
    left: float
    right: float
    base: float
    top: float
    bars: tuple[Bar, ...]
    ticks: tuple[AxisLabel, ...]
    """Numbers at the side; at each `y` there is a horizontal line."""
    labels: tuple[AxisLabel, ...]
    most: int


def bars(parts: Sequence[Part], unit: str, width: int) -> Bars:
    """The picture of the actions by time."""
    height, top, base = 240, 26.0, 212.0
    most = max((part.total for part in parts), default=0)
    step, ceiling = _steps(most)
    left = 14.0 + 6.6 * len(f"{ceiling:,}")
    right = float(width - 4)
    slot = (right - left) / max(1, len(parts))
    body = min(slot * 0.72, 56.0)
    drawn = tuple(
        _bar(part, unit, left + slot * number + slot / 2, body, base, (base - top) / ceiling)
        for number, part in enumerate(parts)
    )
    ticks = tuple(
        AxisLabel(left - 6, base - (base - top) * value / ceiling, f"{value:,}")
        for value in range(0, ceiling + 1, step)
    )
    return Bars(
        width, height, left, right, base, top, drawn, ticks, _labels(parts, unit, left, slot, base), most
    )


def _bar(part: Part, unit: str, middle: float, body: float, base: float, scale: float) -> Bar:
    boxes, y = [], base
    for outcome in STACK:
        number = part.counts.get(outcome, 0)
        if number:
            tall = max(number * scale, _MIN_HEIGHT)
            y -= tall
            boxes.append(
                Box(hundredths(middle - body / 2), hundredths(y), hundredths(body), hundredths(tall), outcome)
            )
    counts = [f"{part.counts[name]:,} {words.outcome(name)}" for name in STACK if part.counts.get(name)]
    says = f"{words.part(part.since, unit)}: " + (", ".join(counts) or "nothing")
    return Bar(
        tuple(boxes),
        says,
        part.counts.get("failed", 0),
        hundredths(middle),
        hundredths(y),
        hundredths(middle - body / 2),
        hundredths(body),
    )


def _labels(parts: Sequence[Part], unit: str, left: float, slot: float, base: float) -> tuple[AxisLabel, ...]:
    """As many labels as there is room for."""
    texts = [words.brief_part(part.since, unit, sparse=slot < 48) for part in parts]
    need = 7.0 * max(map(len, texts), default=1) + 8
    every = next((n for n in (1, 2, 3, 5, 7, 10, 14, 20, 50) if n * slot >= need), 100)
    return tuple(
        AxisLabel(hundredths(left + slot * number + slot / 2), base + 18, text)
        for number, text in enumerate(texts)
        if number % every == 0
    )


def _steps(most: int) -> tuple[int, int]:
    """The distance of the horizontal lines, and the number at the top; both are round."""
    step = 1
    while most > 4 * step:
        digit = int(f"{step}"[0])
        step = step * 2 if digit in (1, 5) else step * 5 // 2
    return step, max(1, -(-most // step)) * step


def hundredths(value: float) -> float:
    """Two decimals: nobody sees more."""
    return round(value, 2)
