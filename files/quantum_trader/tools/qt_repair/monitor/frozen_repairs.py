"""Probes repairs that failed or are frozen from time to time: lasting health lifts a freeze.

A threshold may watch something else than its repair's probe, and it asks for a repair only at a breach.
Without these probes a freeze would last until the next breach, and then forbid the repair that is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress

from qt_repair.engine.guard import Guard, GuardError
from qt_repair.monitor.event_loop.child import Child
from qt_repair.monitor.event_loop.loop import Loop

_ROUNDS = 12
"""Rounds between two probes: a minute, with rounds of 5 s."""


class FrozenRepairProber:
    """Runs `program --probe` for the repairs that failed or are frozen; it tells the guard what it finds."""

    def __init__(self, loop: Loop, program: Sequence[str], guard: Guard) -> None:
        self._loop = loop
        self._program = program
        self._guard = guard
        self._round_count = 0
        self._child: Child | None = None

    def on_round(self, names: Collection[str], timeout: float) -> None:
        """Every few rounds, probe those of the named repairs that need it, within `timeout` seconds."""
        self._round_count += 1
        if self._round_count % _ROUNDS or self._child is not None:
            return
        to_probe = self._failed_or_frozen(names)
        if to_probe:
            with suppress(OSError):  # the next repair will report why
                argv = [*self._program, "--probe", "--json", "--only", *to_probe]
                self._child = Child(self._loop, argv, self._child_ended)
                self._child.end_after(timeout)

    def close(self) -> None:
        """End a probe that is under way."""
        if self._child is not None:
            self._child.abandon()

    def _failed_or_frozen(self, names: Collection[str]) -> list[str]:
        try:
            states = self._guard.states()
        except GuardError:
            return []
        return sorted(
            name
            for name, state in states.items()
            if name in names and (state.unhelpful or state.frozen_since is not None)
        )

    def _child_ended(self, _exit_code: int) -> None:
        self._child = None
