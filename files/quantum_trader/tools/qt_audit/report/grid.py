"""Times of entries in seconds, and a period divided into hours, days, weeks, months or years. Pure."""

from __future__ import annotations

from bisect import bisect_right
from calendar import timegm
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from qt_audit.record.entry import timestamp
from qt_audit.summary.period import Period

_UNITS = (("hour", 2.0), ("day", 70.0), ("week", 400.0), ("month", 3700.0))
"""The unit for a period of up to so many days; a longer one is divided into years."""
_DAY = 86_400


def seconds(ts: str) -> float:
    """Seconds since the epoch of a time as entries write it. A day that does not exist counts as 0."""
    return _midnight(ts[:10]) + int(ts[11:13]) * 3600 + int(ts[14:16]) * 60 + float(ts[17:26])


@lru_cache(maxsize=512)
def _midnight(day: str) -> int:
    try:
        return timegm(date.fromisoformat(day).timetuple())
    except ValueError:
        return 0


def as_timestamp(moment: float) -> str:
    """Seconds since the epoch as entries write times."""
    return timestamp(round(moment * 1e6))


@dataclass(frozen=True)
class Grid:
    """The parts of a period, oldest first, each by its first instant."""

    unit: str
    starts: tuple[str, ...]

    def index(self, ts: str) -> int:
        """Which part a time lies in."""
        return max(0, bisect_right(self.starts, ts) - 1)


def grid(period: Period) -> Grid:
    """A period in parts: few enough to draw, enough to show a course."""
    days = (seconds(period.until) - seconds(period.since)) / _DAY
    unit = next((name for name, most in _UNITS if days <= most), "year")
    starts = []
    at = _start_of_part(datetime.fromisoformat(period.since[:19]), unit)
    while (ts := f"{at.isoformat()}.000000Z") < period.until:
        starts.append(ts)
        try:
            at = _next(at, unit)
        except (OverflowError, ValueError):  # the calendar ends
            break
    return Grid(unit, tuple(starts))


def _start_of_part(at: datetime, unit: str) -> datetime:
    """The beginning of the part that a moment lies in."""
    at = at.replace(minute=0, second=0)
    if unit == "hour":
        return at
    at = at.replace(hour=0)
    if unit == "week":
        return at - timedelta(days=at.weekday())
    if unit == "day":
        return at
    return at.replace(day=1) if unit == "month" else at.replace(day=1, month=1)


def _next(at: datetime, unit: str) -> datetime:
    if unit == "hour":
        return at + timedelta(hours=1)
    if unit in ("day", "week"):
        return at + timedelta(days=7 if unit == "week" else 1)
    if unit == "month":
        return (at + timedelta(days=31)).replace(day=1)
    return at.replace(year=at.year + 1)
