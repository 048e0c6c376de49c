"""Steady time for what lasts, and the calendar's for what people and other processes read."""

from __future__ import annotations

import time

from qt_audit.record.entry import timestamp


class Clock:
    """Seconds that never step, and what they are by the calendar as it is now."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self, at: float) -> float:
        """Seconds since the epoch."""
        return time.time() - (time.monotonic() - at)

    def steady(self, wall: float) -> float:
        """The other way round; a time to come (the clock stepped back) counts as now."""
        return time.monotonic() - max(0.0, time.time() - wall)

    def text(self, at: float) -> str:
        """RFC 3339, as entries write times."""
        return written(self.wall(at))


def written(wall: float) -> str:
    """Seconds since the epoch as entries write times."""
    return timestamp(round(wall * 1e6))


def spoken(seconds: float) -> str:
    """How long something lasted, for people: `0.4 s`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for name, size, lesser, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            many, rest = divmod(whole, size)
            return f"{many} {name}" + (f" {rest // part} {lesser}" if rest // part else "")
    return f"{whole} s"
