"""Thresholds over time: when a value is in breach, when it is clear again, and when it flaps. Pure.

Times are seconds of a monotonic clock. A level is what one reading says about one threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

GOOD, BETWEEN, BAD, UNKNOWN = "good", "between", "bad", "unknown"
"""Levels: clear; between clear and trigger; past the trigger; not known."""

CLEAR, PENDING, BREACHED = "clear", "pending", "breached"
"""Phases: all well; past the trigger, but shorter than `hold`; in breach until the value is clear again."""


@dataclass(frozen=True)
class Reading:
    """One reading. `text` is for people: the value with its unit, or why there is none.

    The field names are keys of the state file.
    """

    level: str
    text: str
    value: float | str | None = None


def limit_reading(value: float, trigger: float, clear: float, text: str) -> Reading:
    """The reading of a value that is bad from `trigger` upwards and clear from `clear` downwards."""
    level = BAD if value >= trigger else GOOD if value <= clear else BETWEEN
    return Reading(level, text, round(value, 3))


def binary_reading(good: bool, text: str, value: float | str | None = None) -> Reading:
    """The reading of something that is either good or bad."""
    return Reading(GOOD if good else BAD, text, text if value is None else value)


def unknown_reading(why: str) -> Reading:
    """A reading that failed: it changes no phase."""
    return Reading(UNKNOWN, why)


@dataclass(frozen=True)
class PhaseState:
    """The phase of a threshold, and since when. A breach counts from when its value went bad."""

    phase: str = CLEAR
    since: float = 0.0


def next_phase(phase_state: PhaseState, level: str, hold: float, now: float) -> PhaseState:
    """The phase after one more reading. A breach needs bad readings for `hold` seconds without interruption.

    A reading of the level UNKNOWN neither interrupts nor counts.
    """
    if level == UNKNOWN:
        return phase_state
    if phase_state.phase == BREACHED:
        return PhaseState(CLEAR, now) if level == GOOD else phase_state
    if level != BAD:
        return phase_state if phase_state.phase == CLEAR else PhaseState(CLEAR, now)
    since = phase_state.since if phase_state.phase == PENDING else now
    return PhaseState(BREACHED if now - since >= hold else PENDING, since)


@dataclass(frozen=True)
class FlapRule:
    """`changes` changes within `within` seconds are flapping; `calm` seconds without one end it."""

    changes: int
    within: float
    calm: float


@dataclass(frozen=True)
class FlapState:
    """The changes of a threshold: into breach, and clear again."""

    recent: tuple[float, ...] = ()
    """The times of its last changes, as many as the rule needs."""
    since: float | None = None
    """When it began to flap; None if it does not."""
    counted: int = 0
    """The number of changes since then."""
    run: str = ""
    """The `run` of the entries about this flapping."""

    @property
    def flapping(self) -> bool:
        return self.since is not None


def after_change(flaps: FlapState, rule: FlapRule, now: float) -> FlapState:
    """The state after one more change."""
    recent = (*(at for at in flaps.recent if now - at < rule.within), now)[-rule.changes :]
    if flaps.flapping:
        return replace(flaps, recent=recent, counted=flaps.counted + 1)
    if len(recent) >= rule.changes:
        return FlapState(recent, now)
    return replace(flaps, recent=recent)


def has_calmed(flaps: FlapState, rule: FlapRule, now: float) -> bool:
    """Whether a flapping threshold has not changed for `rule.calm` seconds."""
    return flaps.flapping and now - flaps.recent[-1] >= rule.calm
