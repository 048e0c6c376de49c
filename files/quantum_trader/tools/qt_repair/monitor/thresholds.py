"""Thresholds over time: when is a value in breach, when is it clear, and when does it flap? Pure.

Times are seconds of any steady clock. A level is what one look says about one threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

GOOD, BETWEEN, BAD, UNKNOWN = "good", "between", "bad", "unknown"
"""Levels: clear, neither clear nor past the trigger, past the trigger, cannot tell."""

CLEAR, PENDING, BREACHED = "clear", "pending", "breached"
"""Phases: all well; past the trigger, but not for long enough; in breach until the value is clear again."""


@dataclass(frozen=True)
class Reading:
    """What one look saw. `text` is for people: the value with its unit, or why it cannot be told."""

    level: str
    text: str
    value: float | str | None = None


def rising(value: float, trigger: float, clear: float, text: str) -> Reading:
    """A value that is bad at `trigger` and above, and clear again at `clear` and below."""
    level = BAD if value >= trigger else GOOD if value <= clear else BETWEEN
    return Reading(level, text, round(value, 3))


def yes_or_no(good: bool, text: str, value: float | str | None = None) -> Reading:
    """What is either well or not."""
    return Reading(GOOD if good else BAD, text, text if value is None else value)


def unknown(why: str) -> Reading:
    """A look that could not tell: it changes nothing."""
    return Reading(UNKNOWN, why)


@dataclass(frozen=True)
class Track:
    """Where a threshold stands, and since when. Of a breach that is when its value went bad."""

    phase: str = CLEAR
    since: float = 0.0


def step(track: Track, level: str, hold: float, now: float) -> Track:
    """The track after one more look. The trigger level must be seen for `hold` seconds without a break.

    A look that cannot tell breaks nothing and proves nothing.
    """
    if level == UNKNOWN:
        return track
    if track.phase == BREACHED:
        return Track(CLEAR, now) if level == GOOD else track
    if level != BAD:
        return track if track.phase == CLEAR else Track(CLEAR, now)
    since = track.since if track.phase == PENDING else now
    return Track(BREACHED if now - since >= hold else PENDING, since)


@dataclass(frozen=True)
class FlapRule:
    """So many changes within so many seconds are flapping; so many seconds without one are calm."""

    changes: int
    within: float
    calm: float


@dataclass(frozen=True)
class Flaps:
    """The changes of a threshold: into breach, and clear again."""

    recent: tuple[float, ...] = ()
    """When it changed, as far as the rule looks back."""
    since: float | None = None
    """When it began to flap; None: it does not."""
    counted: int = 0
    """Changes since then."""
    run: str = ""
    """The `run` of the entries that say so."""

    @property
    def flapping(self) -> bool:
        return self.since is not None


def changed(flaps: Flaps, rule: FlapRule, now: float) -> Flaps:
    """The same after one more change."""
    recent = (*(at for at in flaps.recent if now - at < rule.within), now)[-rule.changes :]
    if flaps.flapping:
        return replace(flaps, recent=recent, counted=flaps.counted + 1)
    if len(recent) >= rule.changes:
        return Flaps(recent, now)
    return replace(flaps, recent=recent)


def calm(flaps: Flaps, rule: FlapRule, now: float) -> bool:
    """Whether what flapped has not changed for long enough."""
    return flaps.flapping and now - flaps.recent[-1] >= rule.calm
