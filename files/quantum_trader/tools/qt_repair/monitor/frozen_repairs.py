"""Has repairs that have failed, or are frozen, looked at from time to time: health that lasts lifts that.

A threshold may watch by other means than the repair's own probe, and asks for a repair only at a breach.
Without this a freeze would last until the next breach, and forbid the repair that it needs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress

from qt_repair.engine.guard import Guard, GuardError
from qt_repair.monitor.event_loop.child import Child
from qt_repair.monitor.event_loop.loop import Loop

_ROUNDS = 12
"""Rounds from one look to the next: a minute, where a round is 5 s."""


class Thawing:
    """Asks the probes of what the guard holds something against; `program` notes what they see."""

    def __init__(self, loop: Loop, program: Sequence[str], guard: Guard) -> None:
        self._loop = loop
        self._program = program
        self._guard = guard
        self._rounds = 0
        self._child: Child | None = None

    def round(self, names: Collection[str], timeout: float) -> None:
        """A round has begun. Of these repairs those are looked at, within `timeout` seconds, that need it."""
        self._rounds += 1
        if self._rounds % _ROUNDS or self._child is not None:
            return
        held = self._held(names)
        if held:
            with suppress(OSError):  # the next attempt to repair anything says why
                argv = [*self._program, "--probe", "--json", "--only", *held]
                self._child = Child(self._loop, argv, self._over)
                self._child.end_after(timeout)

    def close(self) -> None:
        """Leave it."""
        if self._child is not None:
            self._child.let_go()

    def _held(self, names: Collection[str]) -> list[str]:
        try:
            states = self._guard.states()
        except GuardError:
            return []
        return sorted(
            name
            for name, state in states.items()
            if name in names and (state.unhelpful or state.frozen_since is not None)
        )

    def _over(self, _exit_code: int) -> None:
        self._child = None
