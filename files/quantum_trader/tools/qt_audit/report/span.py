"""A free period of a report, and the earlier period that a report is compared with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from qt_audit.report.grid import as_timestamp, seconds
from qt_audit.summary.period import Period, period_containing

_MIDNIGHT = "T00:00:00.000000Z"


@dataclass(frozen=True, order=True)
class Span(Period):
    """Any period, from its first instant to the first one after it; both as entries write times."""

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
        """Its name for people: `2026-11-03 to 2026-11-10`, `2026-11-03 10:00 to 2026-11-10 12:30`."""
        if self.whole_days:
            return (
                f"{self.first_day} to {self.last_day}"
                if self.first_day < self.last_day
                else f"{self.first_day}"
            )
        return f"{_minute(self.begin)} to {_minute(self.end)}"

    @property
    def name(self) -> str:
        """Its name in the names of files: `report-2026-11-03-to-2026-11-10`."""
        return "report-" + self.label.replace(" to ", "-to-").replace(" ", "T").replace(":", "")


def span(since: str, until: str) -> Period:
    """The period between two instants: a day, week or month if it is exactly one, else a Span."""
    first = date.fromisoformat(since[:10])
    for kind in ("monthly", "weekly", "daily"):
        whole = period_containing(kind, first)
        if (whole.since, whole.until) == (since, until):
            return whole
    return Span("report", first, since, until)


def _minute(ts: str) -> str:
    return f"{ts[:10]} {ts[11:16]}"


@dataclass(frozen=True)
class ComparedPeriod:
    """The period before another one, up to the same part of it that has passed."""

    period: Period
    until: str
    """The end of the comparison: the period's end, or earlier if the present period is not over."""

    @property
    def since(self) -> str:
        return self.period.since

    @property
    def part(self) -> bool:
        """Whether only a part of the period is compared."""
        return self.until < self.period.until


def compared_period(period: Period, now: str) -> ComparedPeriod | None:
    """The period to compare with; None at the beginning of the calendar."""
    try:
        if isinstance(period, Span):
            length = seconds(period.until) - seconds(period.since)
            earlier: Period = span(as_timestamp(seconds(period.since) - length), period.since)
        else:
            earlier = period_containing(period.kind, period.first_day - timedelta(days=1))
        if period.finished(now):
            return ComparedPeriod(earlier, earlier.until)
        gone_by = max(0.0, seconds(now) - seconds(period.since))
        return ComparedPeriod(earlier, min(as_timestamp(seconds(earlier.since) + gone_by), earlier.until))
    except (OverflowError, ValueError):
        return None
