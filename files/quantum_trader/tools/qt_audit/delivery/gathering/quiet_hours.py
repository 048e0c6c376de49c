"""Quiet hours: messages that are not critical are held until they are over. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timezone, tzinfo
from zoneinfo import ZoneInfo

_FORM = re.compile(r"([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)(?:\s+(\S+))?", re.ASCII)


class QuietError(ValueError):
    """The setting cannot be used. The text says how to write it."""


@dataclass(frozen=True)
class QuietHours:
    """A daily span in a time zone. It passes midnight if `until` is earlier than `since`."""

    since: time
    until: time
    zone: tzinfo

    def contains(self, now: str) -> bool:
        """Whether a time, written as in entries, lies in the quiet hours."""
        moment = datetime.fromisoformat(now.removesuffix("Z")).replace(tzinfo=timezone.utc)
        local = moment.astimezone(self.zone).time()
        if self.since <= self.until:
            return self.since <= local < self.until
        return local >= self.since or local < self.until


def parse_quiet_hours(text: str) -> QuietHours | None:
    """Parse a text such as `22:00-07:00 Europe/Berlin`. Without a zone it is UTC.

    Returns None for an empty text. Raises QuietError.
    """
    if not text.strip():
        return None
    match = _FORM.fullmatch(text.strip())
    if match is None or int(match[1]) > 23 or int(match[3]) > 23:
        raise QuietError("must be like 22:00-07:00 Europe/Berlin")
    since, until = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    if since == until:
        raise QuietError("must begin and end at different times")
    return QuietHours(since, until, _zone(match[5] or "UTC"))


def _zone(name: str) -> tzinfo:
    if name == "UTC":  # needs no time zone data
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # unknown; no such file; a directory; a path outside the database
        raise QuietError(
            "must name a time zone that this host knows, such as Europe/Berlin (package tzdata)"
        ) from None
