"""The figures of a period and of the compared one, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qt_audit.render.words import duration, percent
from qt_audit.report.contents import Report
from qt_audit.report.figures import Figures

_Value = int | float | None


@dataclass(frozen=True)
class Compared:
    """One figure, now and before."""

    name: str
    now: str
    before: str
    """Empty if it is not known."""
    change: str
    tone: str
    """better, worse, or empty if neither."""


@dataclass(frozen=True)
class _Figure:
    name: str
    value: Callable[[Figures], _Value]
    says: Callable[[float], str]
    better: int
    """1 if more is better, -1 if less is better, 0 if neither is."""


def _count(value: float) -> str:
    return f"{value:,.0f}"


_FIGURES = (
    _Figure("Actions", lambda of: of.actions, _count, 0),
    _Figure("Failed", lambda of: of.failed, _count, -1),
    _Figure("Success rate", lambda of: of.success, percent, 1),
    _Figure("Times broken", lambda of: of.breaches, _count, -1),
    _Figure("Time broken", lambda of: of.broken_s, duration, -1),
    _Figure("Time to repair, median", lambda of: of.repair_s, duration, -1),
    _Figure("Began, not ended", lambda of: of.unfinished, _count, -1),
    _Figure("Entries", lambda of: of.entries, _count, 0),
)
_TILES = {
    "Actions": "Actions",
    "Failed": "Failed",
    "Success rate": "Success rate",
    "Time broken": "Time broken",
}
_TILES["Time to repair, median"] = "Typical repair"


def comparison(report: Report) -> list[Compared]:
    """All figures of a report; [] if there is nothing to compare with."""
    return [_compared(figure, report) for figure in _FIGURES] if report.before is not None else []


def tiles(report: Report) -> list[tuple[str, Compared]]:
    """The figures at the top of the page, with their short names."""
    return [(_TILES[one.name], _compared(one, report)) for one in _FIGURES if one.name in _TILES]


def _compared(figure: _Figure, report: Report) -> Compared:
    now = figure.value(report.figures)
    before = None if report.before is None else figure.value(report.before)
    change, tone = "", ""
    if now is not None and before is not None:
        difference = now - before
        if figure.says(abs(difference)) == figure.says(0) or figure.says(now) == figure.says(before):
            change = "the same"
        else:
            change = f"{'+' if difference > 0 else '−'}{_difference(figure, abs(difference))}"
            tone = {1: "better", -1: "worse", 0: ""}[figure.better * (1 if difference > 0 else -1)]
    return Compared(
        figure.name, _text(figure, now), "" if report.before is None else _text(figure, before), change, tone
    )


def _difference(figure: _Figure, by: float) -> str:
    return f"{by * 100:.1f} points".replace(".0 ", " ") if figure.says is percent else figure.says(by)


def _text(figure: _Figure, value: _Value) -> str:
    return "–" if value is None else figure.says(value)
