"""Numbers, times and durations as short texts for people. Pure."""

from __future__ import annotations

from datetime import date

from qt_audit.record.entry import escaped
from qt_audit.report.span import Span
from qt_audit.summary.period import Period

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_OUTCOMES = {"started": "not ended", "info": "noted"}
_UNITS = (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1))
MAX_CHARACTERS = 300


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if 0 < seconds < 9.95:
        return f"{max(seconds, 0.1):.1f} s".replace(".0 s", " s")
    whole = max(0, round(seconds))
    for name, size, lesser, part in _UNITS:
        if whole >= size:
            many, rest = divmod(whole, size)
            return f"{many} {name}" + (f" {rest // part} {lesser}" if rest // part else "")
    return f"{whole} s"


def percent(part: float) -> str:
    """`97.5 %`. `100 %` and `0 %` are never the result of rounding."""
    tenths = min(round(part * 1000), 999 if part < 1 else 1000)
    tenths = max(tenths, 1 if part > 0 else 0)
    text = f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths / 10:.1f}"
    return f"{text} %"


def outcome(name: str) -> str:
    """The name of an outcome on a page."""
    return _OUTCOMES.get(name, name)


def clipped(text: str, size: int = MAX_CHARACTERS) -> str:
    """The text, escaped; if it is longer than `size` characters, its beginning and an ellipsis."""
    text = escaped(text)
    return text if len(text) <= size else f"{text[:size]}…"


def day(ts: str, year: bool = False, weekday: bool = False, short: bool = True) -> str:
    """`22 Nov`, `Sun 22 Nov 2026`, `22 November`."""
    try:
        found = date.fromisoformat(ts[:10])
    except ValueError:
        return ts[:10]
    month = _MONTHS[found.month - 1]
    text = f"{found.day} {month[:3] if short else month}" + (f" {found.year}" if year else "")
    return f"{_DAYS[found.weekday()]} {text}" if weekday else text


def moment(ts: str, year: bool = False) -> str:
    """`22 Nov 10:04`."""
    return f"{day(ts, year)} {ts[11:16]}"


def month(ts: str) -> str:
    """`November 2026`."""
    return f"{_MONTHS[int(ts[5:7]) - 1]} {ts[:4]}"


def part(ts: str, unit: str) -> str:
    """A part of a period, in full: `Sun 22 Nov`, `22 Nov, 10:00 to 11:00`, `week from 16 Nov 2026`."""
    if unit == "hour":
        return f"{day(ts)}, {ts[11:13]}:00 to {(int(ts[11:13]) + 1):02d}:00"
    if unit == "day":
        return day(ts, weekday=True)
    if unit == "week":
        return f"week from {day(ts, year=True)}"
    return month(ts) if unit == "month" else ts[:4]


def brief_part(ts: str, unit: str, sparse: bool) -> str:
    """A part of a period as a short label below a bar; `sparse` if there are many bars."""
    if unit == "hour":
        return f"{ts[11:13]}:00"
    if unit == "day":
        return f"{int(ts[8:10])}" if sparse else day(ts, weekday=True)[: -len(_MONTHS[0][:3]) - 1]
    if unit == "week":
        return day(ts)
    return _MONTHS[int(ts[5:7]) - 1][:3] if unit == "month" else ts[:4]


def period(of: Period) -> str:
    """`22 November 2026`, `16 – 22 November 2026`, `November 2026`; a free span by its instants."""
    if of.kind == "monthly":
        return month(of.since)
    if isinstance(of, Span) and not of.whole_days:
        return f"{moment(of.since, year=True)} – {moment(of.until, year=True)}"
    first, last = of.first_day, of.last_day
    end = day(f"{last}", year=True, short=False)
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} – {end}"
    return f"{day(f'{first}', year=first.year != last.year, short=False)} – {end}"


def title(of: Period) -> str:
    """`Weekly report`."""
    return {"daily": "Daily report", "weekly": "Weekly report", "monthly": "Monthly report"}.get(
        of.kind, "Report"
    )
