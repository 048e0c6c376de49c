"""Days, weeks (from Monday) and months, in UTC whatever the host's time zone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

KINDS = ("daily", "weekly", "monthly")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Period:
    """A day, a week or a month, by its kind and its first day."""

    kind: str
    first_day: date

    @property
    def after(self) -> date:
        """The first day after it. Raises OverflowError at the end of the calendar."""
        if self.kind == "daily":
            return self.first_day + _ONE_DAY
        if self.kind == "weekly":
            return self.first_day + 7 * _ONE_DAY
        return (self.first_day + 31 * _ONE_DAY).replace(day=1)

    @property
    def last_day(self) -> date:
        return self.after - _ONE_DAY

    @property
    def since(self) -> str:
        """Its first instant, as entries write times."""
        return first_instant(self.first_day)

    @property
    def until(self) -> str:
        """The first instant after it, as entries write times."""
        return first_instant(self.after)

    @property
    def label(self) -> str:
        """Its name for people: `2026-11-22`, `2026-11-16 to 2026-11-22`, `2026-11`."""
        if self.kind == "weekly":
            return f"{self.first_day} to {self.last_day}"
        return f"{self.first_day}"[: 7 if self.kind == "monthly" else 10]

    @property
    def name(self) -> str:
        """Its name in the names of files: `daily-2026-11-22`, `weekly-2026-W47`, `monthly-2026-11`."""
        if self.kind == "weekly":
            year, week, _ = self.first_day.isocalendar()
            return f"weekly-{year:04d}-W{week:02d}"
        return f"{self.kind}-{self.label}"

    def next(self) -> Period:
        return Period(self.kind, self.after)

    def before(self) -> Period:
        return period_containing(self.kind, self.first_day - _ONE_DAY)

    def finished(self, now: str) -> bool:
        return self.until <= now


def first_instant(day: date) -> str:
    """The first instant of a day, as entries write times."""
    return f"{day.isoformat()}T00:00:00.000000Z"


def period_containing(kind: str, day: date) -> Period:
    """The day, week or month that a day lies in."""
    if kind == "weekly":
        return Period(kind, day - day.weekday() * _ONE_DAY)
    return Period(kind, day.replace(day=1) if kind == "monthly" else day)


def period_at(kind: str, ts: str) -> Period:
    """The day, week or month that a time lies in."""
    return period_containing(kind, date.fromisoformat(ts[:10]))


def finished_from(period: Period, now: str) -> Iterator[Period]:
    """This period and the following ones that are over, oldest first."""
    while period.finished(now):
        yield period
        period = period.next()
