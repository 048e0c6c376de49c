"""Whether the week's validation is due, and whether the last one was interrupted. Pure.

The ledger is status/repair/weekly.json:

    {"done": "2026-11-22T03:00:00.000000Z", "running": {"run": "…", "began": "…", "slot": "…"}}

A *slot* is the time for which a cycle is scheduled. `done` is the last slot that is finished;
`running` is there while a cycle runs, and stays there if it was killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
REPORT = "weekly-self-heal-"
MOST_ATTEMPTS = 5
"""A cycle that was killed so often is not tried again before the next slot."""
_WRONG_CLOCK = timedelta(days=8)
"""A finished slot that lies so far in the future was finished while the clock was wrong."""


class LedgerError(ValueError):
    """The file does not hold a ledger."""


@dataclass(frozen=True)
class Running:
    """A cycle that has begun; if nobody holds the lock, it was killed. The fields are keys of the file."""

    run: str
    began: str
    slot: str | None
    """The slot that it is for; None if it counts for none."""
    attempt: int = 1
    """How often a cycle was begun for this slot."""

    def attempts_for(self, slot: str) -> int:
        """How often a cycle was begun for this slot."""
        return self.attempt if self.slot == slot else 0


@dataclass(frozen=True)
class Ledger:
    """The last finished slot, and the cycle that runs or was killed."""

    done: str
    running: Running | None = None

    def due(self, slot: str) -> bool:
        """Whether the present slot is still to be done: once in each week, which begins on Monday.

        An earlier slot than the last finished one is not due, unless the clock was wrong by more than a week.
        """
        if week_of(slot) == week_of(self.done):
            return False
        return slot > self.done or _day(self.done) - _day(slot) > _WRONG_CLOCK

    def with_running(self, running: Running) -> Ledger:
        """The ledger while this cycle runs."""
        return Ledger(self.done, running)

    def without_running(self, slot: str | None) -> Ledger:
        """The ledger after the cycle; `slot` is the one that it has finished, if any."""
        return Ledger(self.done if slot is None else slot)


def slot_at(now: str, day: str, time: str) -> str:
    """The last scheduled time at or before `now`. `time` is written as `03:00`; everything is UTC."""
    today = _day(now)
    scheduled = today - timedelta(days=(today.weekday() - DAYS.index(day)) % 7)
    slot = f"{scheduled}T{time}:00.000000Z"
    return slot if slot <= now else f"{scheduled - timedelta(days=7)}T{time}:00.000000Z"


def next_slot(slot: str) -> str:
    """The slot a week after this one."""
    return f"{_day(slot) + timedelta(days=7)}{slot[10:]}"


def week_of(ts: str) -> str:
    """The ISO week of a time, as `2026-W48`."""
    year, number, _ = _day(ts).isocalendar()
    return f"{year:04d}-W{number:02d}"


def initial_ledger(slot: str, reports: Iterable[str]) -> Ledger:
    """The ledger to start with if there is none: done up to the newest report or, without one, to this slot.

    So a new installation waits for its first Sunday, and one that lost its ledger repeats nothing.
    `reports` are the names of the files in status/reports.
    """
    weeks = [
        name[len(REPORT) : -len(".json")]
        for name in reports
        if name.startswith(REPORT) and name.endswith(".json")
    ]
    newest = max((name for name in weeks if _is_week(name)), default=None)
    if newest is None or newest >= week_of(slot):
        return Ledger(slot)
    return Ledger(f"{date.fromisocalendar(int(newest[:4]), int(newest[6:]), 7)}T00:00:00.000000Z")


def _is_week(name: str) -> bool:
    try:
        return (
            len(name) == 8
            and name[4:6] == "-W"
            and bool(date.fromisocalendar(int(name[:4]), int(name[6:]), 1))
        )
    except ValueError:
        return False


def decode(data: bytes) -> Ledger:
    """The ledger that these bytes hold. Raises LedgerError."""
    try:
        plain = json.loads(data)
        running = plain.get("running")
        done = plain["done"]
        next_slot(done)
        if running is not None:
            attempt = int(running.get("attempt", 1))
            running = Running(str(running["run"]), str(running["began"]), running["slot"], attempt)
            for ts in (running.began, *([] if running.slot is None else [running.slot])):
                _day(ts)
        return Ledger(done, running)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise LedgerError(f"not a ledger ({type(error).__name__})") from None


def encode(ledger: Ledger) -> bytes:
    """The ledger as its file holds it."""
    plain: dict[str, object] = {"done": ledger.done}
    if ledger.running is not None:
        plain["running"] = dict(ledger.running.__dict__)
    return (json.dumps(plain, indent=2) + "\n").encode("ascii")


def _day(ts: str) -> date:
    return date.fromisoformat(ts[:10])
