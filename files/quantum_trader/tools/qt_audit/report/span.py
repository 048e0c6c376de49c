"""The period that a report is about where it is no day, week or month; and what it is compared with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from qt_audit.report.grid import seconds, written
from qt_audit.summary.period import Period, containing

_MIDNIGHT = "T00:00:00.000000Z"


@dataclass(frozen=True, order=True)
class Span(Period):
    """Any time from one instant to another, which is not included; both as entries write times."""

    begin: str = ""
    end: str = ""

    @property
    def since(self) -> str:
        return self.begin

    @property
    def until(self) -> str:
        return self.end

    @property
    def after(self) -> date:
        return self.last_day + timedelta(days=1)

    @property
    def last_day(self) -> date:
        """The day of its last instant."""
        last = date.fromisoformat(self.end[:10])
        return last - timedelta(days=1) if self.end.endswith(_MIDNIGHT) else last

    @property
    def whole_days(self) -> bool:
        return self.begin.endswith(_MIDNIGHT) and self.end.endswith(_MIDNIGHT)

    @property
    def label(self) -> str:
        """As people read it: `2026-11-03 to 2026-11-10`, `2026-11-03 10:00 to 2026-11-10 12:30`."""
        if self.whole_days:
            return (
                f"{self.first_day} to {self.last_day}"
                if self.first_day < self.last_day
                else f"{self.first_day}"
            )
        return f"{_minute(self.begin)} to {_minute(self.end)}"

    @property
    def name(self) -> str:
        """As its files are called: `report-2026-11-03-to-2026-11-10`."""
        return "report-" + self.label.replace(" to ", "-to-").replace(" ", "T").replace(":", "")


def span(since: str, until: str) -> Period:
    """The period between two instants: the day, week or month where it is exactly one."""
    first = date.fromisoformat(since[:10])
    for kind in ("monthly", "weekly", "daily"):
        whole = containing(kind, first)
        if (whole.since, whole.until) == (since, until):
            return whole
    return Span("report", first, since, until)


def _minute(ts: str) -> str:
    return f"{ts[:10]} {ts[11:16]}"


@dataclass(frozen=True)
class Before:
    """The time that a period is compared with: the one before it, as much of it as has gone by."""

    period: Period
    until: str
    """The end of what is compared: of the period, or earlier where the present one is not over."""

    @property
    def since(self) -> str:
        return self.period.since

    @property
    def part(self) -> bool:
        """Whether it is a part of that period only."""
        return self.until < self.period.until


def before(period: Period, now: str) -> Before | None:
    """What to compare with; None where the calendar begins."""
    try:
        if isinstance(period, Span):
            length = seconds(period.until) - seconds(period.since)
            earlier: Period = span(written(seconds(period.since) - length), period.since)
        else:
            earlier = containing(period.kind, period.first_day - timedelta(days=1))
        if period.finished(now):
            return Before(earlier, earlier.until)
        gone_by = max(0.0, seconds(now) - seconds(period.since))
        return Before(earlier, min(written(seconds(earlier.since) + gone_by), earlier.until))
    except (OverflowError, ValueError):
        return None
