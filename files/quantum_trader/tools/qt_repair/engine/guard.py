"""The guard: cooldown, budgets and freezes keep a repair from being repeated for ever.

Its state is status/repair/guard.json, so that it survives a restart of a program and of the machine. An
attempt is written there, durably, before it is made: one that was killed half way counts as one that did not
help. Times are wall-clock times. A time in the future (the clock stepped back) counts as now, and is
corrected when the state is written next.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.record.warning import reason
from qt_repair.engine.state_file import read_state_file

HOUR = 3600.0
DIRECTORY = "repair"
"""The directory in status/ that holds the guard's state, its lock and the actor lock."""
_FILE, _LOCK = "guard.json", "guard.lock"
_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
_LARGEST = 4 << 20
_PATIENCE_S = 10.0


class GuardError(Exception):
    """The guard's state cannot be read or written. Nothing may be repaired: the limits would not hold."""


@dataclass(frozen=True)
class Limits:
    """The limits of one repair, in seconds and in attempts."""

    cooldown: float
    max_per_hour: int
    freeze_after: int
    thaw_after: float

    @classmethod
    def from_settings(cls, repair: Mapping[str, Any]) -> Limits:
        """The limits in a repair's settings."""
        return cls(repair["cooldown"], repair["max_per_hour"], repair["freeze_after"], repair["thaw_after"])


@dataclass(frozen=True)
class RepairState:
    """The state of one repair. Times are seconds since the epoch. The fields are keys of the state file."""

    attempts: tuple[float, ...] = ()
    """The times of the attempts in the last hour, and that of the last attempt in any case."""
    unhelpful: int = 0
    """How many attempts in a row did not help; one that is under way, or was killed, counts too."""
    frozen_since: float | None = None
    frozen_because: str = ""
    healthy_since: float | None = None
    """Since when all probes found it healthy; None if there is no failure to forget."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Decision:
    """Whether a repair may be tried now. `why` says why not; `freeze` says why it must be frozen now."""

    allowed: bool
    why: str = ""
    frozen: bool = False
    freeze: str = ""
    wait_s: float = 0.0
    """Seconds until it may be tried, if only time is missing."""


def decide(
    name: str, limits: Limits, states: Mapping[str, RepairState], max_per_hour: int, now: float
) -> Decision:
    """Decide whether this repair may be tried. Pure."""
    state = states.get(name, RepairState())
    if state.frozen_since is not None:
        return Decision(False, f"frozen: {state.frozen_because}", frozen=True)
    if state.unhelpful >= limits.freeze_after:
        return Decision(False, freeze=f"{attempts_text(state.unhelpful)} in a row did not help")
    recent_attempts = _recent(HOUR, state.attempts, now)
    if len(recent_attempts) >= limits.max_per_hour:
        return Decision(
            False, freeze=f"needed more than {limits.max_per_hour} times in an hour: it does not last"
        )
    if state.attempts:
        left = limits.cooldown - (now - min(state.attempts[-1], now))
        if left > 0:
            return Decision(
                False, f"cooling down for another {left:.0f} s after the last attempt", wait_s=left
            )
    all_recent = sorted(at for other in states.values() for at in _recent(HOUR, other.attempts, now))
    if len(all_recent) >= max_per_hour:
        return Decision(
            False,
            f"{len(all_recent)} repairs were tried in the last hour, and {max_per_hour} are allowed in all",
            wait_s=HOUR - (now - all_recent[-max_per_hour]),
        )
    return Decision(True)


def attempts_text(count: int) -> str:
    """`1 attempt`, `2 attempts`."""
    return "1 attempt" if count == 1 else f"{count} attempts"


def after_attempt(state: RepairState, now: float) -> RepairState:
    """The state when an attempt begins: it counts as unhelpful until it has helped. Pure."""
    recent_attempts = (*_recent(HOUR, state.attempts, now), now)
    return replace(state, attempts=recent_attempts, unhelpful=state.unhelpful + 1, healthy_since=None)


def without_attempt(state: RepairState) -> RepairState:
    """The state without the attempt that after_attempt() added. Pure."""
    return replace(state, attempts=state.attempts[:-1], unhelpful=max(0, state.unhelpful - 1))


def after_probe(state: RepairState, healthy: bool, limits: Limits, now: float) -> RepairState:
    """The state after a probe. `thaw_after` seconds of health lift a freeze and forget failures.

    Health is not tracked if there is no failure to forget. Pure.
    """
    if not healthy or not (state.unhelpful or state.frozen_since is not None):
        return replace(state, healthy_since=None)
    since = now if state.healthy_since is None else min(state.healthy_since, now)
    if now - since >= limits.thaw_after:
        return RepairState()  # without its attempts: they would freeze it again by the hourly budget
    return replace(state, healthy_since=since)


def _recent(span: float, times: tuple[float, ...], now: float) -> tuple[float, ...]:
    return tuple(min(at, now) for at in times if now - at < span)


def _has_future_attempts(state: RepairState, now: float) -> bool:
    return any(at > now for at in state.attempts)


def _with_attempts_until(state: RepairState, now: float) -> RepairState:
    """The state, with attempts in the future moved to now. Pure."""
    return replace(state, attempts=tuple(min(at, now) for at in state.attempts))


class Guard:
    """The guard of one installation, which all programs share. Its methods raise GuardError."""

    def __init__(self, home: str, max_per_hour: int, clock: Callable[[], float] = time.time) -> None:
        self._home = home
        self._max_per_hour = max_per_hour
        self._clock = clock

    @property
    def directory(self) -> str:
        return f"{self._home}/status/{DIRECTORY}"

    def decision(self, name: str, limits: Limits) -> Decision:
        """Whether a repair may be tried now. Changes nothing."""
        return decide(name, limits, self.states(), self._max_per_hour, self._clock())

    def states(self) -> dict[str, RepairState]:
        """The state of each repair, read without a lock."""
        try:
            return _decoded(read_state_file(f"{self.directory}/{_FILE}", _LARGEST))
        except FileNotFoundError:
            return {}
        except (OSError, *_DAMAGE) as error:
            raise self._unusable_error(error) from None

    def record_attempt(self, name: str) -> None:
        """Write down, durably, that an attempt begins."""
        self._change(name, lambda state: after_attempt(state, self._clock()))

    def withdraw_attempt(self, name: str) -> None:
        """Undo record_attempt(): nothing was tried after all."""
        self._change(name, without_attempt)

    def record_success(self, name: str) -> None:
        """Write down that the attempt helped."""
        self._change(name, lambda state: replace(state, unhelpful=0))

    def freeze(self, name: str, why: str) -> None:
        """Freeze a repair: it is not tried until probes find lasting health or somebody unfreezes it."""
        now = self._clock()
        self._change(name, lambda state: replace(state, frozen_since=now, frozen_because=why))

    def unfreeze(self, name: str) -> bool:
        """Lift a freeze, and forget failures and attempts; whether it was frozen."""
        was = self.states().get(name, RepairState()).frozen_since is not None
        self._change(name, lambda _: RepairState())
        return was

    def record_probe(self, name: str, healthy: bool, limits: Limits) -> bool:
        """Take a probe's result; whether it lifted a freeze. Writes only if the state changes."""
        now, states = self._clock(), self.states()
        before = states.get(name, RepairState())
        after = after_probe(before, healthy, limits, now)
        if after != before or any(_has_future_attempts(state, now) for state in states.values()):
            self._change(name, lambda state: after_probe(state, healthy, limits, now))
        return before.frozen_since is not None and after.frozen_since is None

    def _change(self, name: str, change: Callable[[RepairState], RepairState]) -> None:
        """Read, change and replace the state of one repair. The change is durable when this returns."""
        try:
            with StateDirectory(Place(self._home, home=True), _PATIENCE_S, DIRECTORY, _LOCK) as files:
                data = files.read(_FILE)
                states = {} if data is None else _decoded(data)
                states = {
                    other: _with_attempts_until(state, self._clock()) for other, state in states.items()
                }
                states[name] = change(states.get(name, RepairState()))
                files.write(_FILE, _encoded(states))
        except (OSError, *_DAMAGE) as error:
            raise self._unusable_error(error) from None

    def _unusable_error(self, error: Exception) -> GuardError:
        path = f"{self.directory}/{_FILE}"
        if isinstance(error, OSError):
            return GuardError(f"{path}: what was tried before cannot be kept ({reason(error)})")
        return GuardError(f"{path}: is damaged; look at it, then remove it to begin anew")


def _encoded(states: Mapping[str, RepairState]) -> bytes:
    content = {"version": 1, "repairs": {name: state.as_dict() for name, state in states.items()}}
    return json.dumps(content, indent=1).encode("ascii") + b"\n"


def _decoded(data: bytes) -> dict[str, RepairState]:
    """The states in the file. Raises ValueError, TypeError or KeyError if it is damaged."""
    repairs = json.loads(data)["repairs"]
    return {name: _state(fields) for name, fields in repairs.items()}


def _state(fields: Mapping[str, Any]) -> RepairState:
    """Accept only what as_dict() makes: a limit that is computed from anything else would not hold."""
    state = RepairState(**{**fields, "attempts": tuple(map(_time, fields["attempts"]))})
    for since in (state.frozen_since, state.healthy_since):
        if since is not None:
            _time(since)
    count, why = state.unhelpful, state.frozen_because
    if type(count) is not int or count < 0 or type(why) is not str:
        raise ValueError("no state of a repair")
    return state


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("not a time")
    return float(value)
