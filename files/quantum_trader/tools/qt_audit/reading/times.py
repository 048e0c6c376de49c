"""Times as people write them: RFC 3339, a date, today, yesterday, or a duration back from now. UTC. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,9}) ?([smhdw])(?: ago)?")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?: ?([Zz]|[+-]\d\d:\d\d))?", re.ASCII
)
FORMS = (
    '2026-11-23, "2026-11-23 10:00" (UTC), 2026-11-23T10:00:00Z, today, yesterday, now, or 90m, 2h, 3d, 1w'
)


def moment(text: str, now: str) -> str:
    """The instant that a text means, as entries write times; `now` is written the same way.

    Raises ValueError, which says how to write a time.
    """
    plain = text.strip()
    day = _day_of_word(plain.lower(), now)
    if day is not None:
        return f"{day.isoformat()}T00:00:00.000000Z"
    if plain.lower() == "now":
        return now
    try:
        if _DATE.fullmatch(plain):
            return f"{date.fromisoformat(plain).isoformat()}T00:00:00.000000Z"
        if duration := _AGO.fullmatch(plain.lower()):
            return _as_timestamp(_parsed(now) - timedelta(**{_UNITS[duration[2]]: int(duration[1])}))
        if given := _MOMENT.fullmatch(plain):
            return _as_timestamp(_instant(given))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time that there is; write {FORMS}") from None
    raise ValueError(f"{text!r} is not a time; write {FORMS}")


def day(text: str, now: str) -> date:
    """The day that a text means: 2026-11-23, today or yesterday. Raises ValueError, which says how."""
    plain = text.strip()
    found = _day_of_word(plain.lower(), now)
    if found is not None:
        return found
    if _DATE.fullmatch(plain):
        try:
            return date.fromisoformat(plain)
        except ValueError:
            raise ValueError(f"{text!r} is no date that there is; write it as 2026-11-23") from None
    raise ValueError(f"{text!r} is not a date; write 2026-11-23, today or yesterday")


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one time to another, both as entries write them; negative if `later` is earlier."""
    return (_parsed(later) - _parsed(earlier)).total_seconds()


def _day_of_word(word: str, now: str) -> date | None:
    if word not in ("today", "yesterday"):
        return None
    return date.fromisoformat(now[:10]) - timedelta(days=word == "yesterday")


def _instant(given: re.Match[str]) -> datetime:
    day_text, hour, minute, second, fraction, zone = given.groups()
    second = int(second or 0)
    if second == 60:  # a leap second is the last instant before the next minute
        second, fraction = 59, "999999"
    whole = datetime.fromisoformat(day_text).replace(
        hour=int(hour),
        minute=int(minute),
        second=second,
        microsecond=int((fraction or "0").ljust(6, "0")[:6]),
    )
    if zone in (None, "Z", "z"):
        return whole
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    if offset >= timedelta(days=1) or int(zone[4:6]) > 59:
        raise ValueError("no such offset")
    return whole + offset if zone[0] == "-" else whole - offset


def _parsed(ts: str) -> datetime:
    return datetime.fromisoformat(ts.removesuffix("Z"))


def _as_timestamp(instant: datetime) -> str:
    assert instant.tzinfo in (None, timezone.utc)
    return f"{instant.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
