"""Monotonic time for durations, wall-clock time for people and for other processes."""

from __future__ import annotations

import time

from qt_audit.record.entry import timestamp


class Clock:
    """Monotonic seconds, and their conversion to wall-clock time and back."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self, at: float) -> float:
        """The wall-clock time, in seconds since the epoch, of a monotonic time."""
        return time.time() - (time.monotonic() - at)

    def from_wall(self, wall: float) -> float:
        """The monotonic time of a wall-clock time. A future one (the clock stepped back) becomes now."""
        return time.monotonic() - max(0.0, time.time() - wall)

    def text(self, at: float) -> str:
        """A monotonic time as entries write times (RFC 3339, UTC)."""
        return utc_text(self.wall(at))


def utc_text(wall: float) -> str:
    """Seconds since the epoch, as entries write times (RFC 3339)."""
    return timestamp(round(wall * 1e6))


def duration_text(seconds: float) -> str:
    """A duration for people: `0.4 s`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for name, size, lesser, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            many, rest = divmod(whole, size)
            return f"{many} {name}" + (f" {rest // part} {lesser}" if rest // part else "")
    return f"{whole} s"
