"""From readings to incidents: what is recorded when, and which repairs start once it is recorded.

Nothing depends on an event that could be missed: each reading brings the record one step closer to the
present state. An entry that cannot be written is tried again at the next reading; nothing is repaired before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from qt_audit.recorder import AuditError
from qt_repair.monitor import wording
from qt_repair.monitor.event_loop.child import is_alive
from qt_repair.monitor.event_loop.clock import Clock
from qt_repair.monitor.thresholds import (
    UNKNOWN,
    FlapRule,
    FlapState,
    Reading,
    after_change,
    has_calmed,
    next_phase,
)
from qt_repair.monitor.watched_threshold import QUEUED, RUNNING, Breach, Incident, WatchedThreshold
from qt_repair.monitor.wording import EntryText

Details = Mapping[str, Any]


class RecordEntry(Protocol):
    """Writes an entry of the monitor. Raises AuditError if it is written nowhere."""

    def __call__(self, entry_text: EntryText, details: Details, run: str | None = None) -> None: ...


@dataclass(frozen=True)
class RepairOutcome:
    """How the repairs of a threshold ended. `exit_code` is None if the monitor stopped before they ended."""

    exit_code: int | None
    stopped: bool
    """Whether the monitor told them to stop."""
    details: Details
    wait: float | None = None
    """Seconds until the guard allows a repair that it forbade; None if it forbade none."""


class IncidentTracker:
    """Opens, repairs and closes the incidents of all thresholds."""

    def __init__(
        self,
        record: RecordEntry,
        queue: Callable[[WatchedThreshold], bool],
        unqueue: Callable[[WatchedThreshold], bool],
        all_frozen: Callable[[Sequence[str]], bool],
        save: Callable[[], None],
        clock: Clock,
        rule: FlapRule,
    ) -> None:
        """`queue` puts a threshold's repairs into the queue; False if they will never run. `unqueue` takes
        them out again; False if they have started. `all_frozen` tells whether all of these are frozen, so
        that another attempt would only be refused. `save` writes the state file."""
        self._record = record
        self._queue = queue
        self._unqueue = unqueue
        self._all_frozen = all_frozen
        self._save = save
        self._clock = clock
        self.rule = rule
        self.stopping = False
        """The monitor stops: no incident is opened and no repair starts."""

    def add_reading(self, watched: WatchedThreshold, reading: Reading) -> None:
        """Take a new reading of a threshold, and record and repair what follows from it."""
        now, was_breached = self._clock.now(), watched.breached
        watched.reading, watched.read_at = reading, now
        watched.phase_state = next_phase(watched.phase_state, reading.level, watched.threshold.hold, now)
        if watched.breached:
            text = reading.text if watched.last is None or not was_breached else watched.last.text
            watched.last = Breach(watched.phase_state.since, None, text)
        elif was_breached and watched.last is not None:
            watched.last = replace(watched.last, until=now)
        try:
            if watched.breached != was_breached:
                watched.flaps = after_change(watched.flaps, self.rule, now)
            self._advance(watched, now)
        except AuditError:
            return  # the recorder has warned on stderr; the next reading tries again

    def repair_started(self, watched: WatchedThreshold, child: str) -> None:
        """Its repairs have started. `child` identifies the process that runs them."""
        if watched.incident is not None:
            watched.incident = replace(watched.incident, acting=RUNNING, child=child)
            self._save()

    def repair_ended(self, watched: WatchedThreshold, outcome: RepairOutcome) -> None:
        """Its repairs have ended."""
        incident = watched.incident
        if incident is None:
            return
        now, code = self._clock.now(), outcome.exit_code
        pause = watched.threshold.repair_again
        if outcome.stopped and code != 0:
            pause = 0.0
        elif outcome.wait is not None:
            pause = min(pause, outcome.wait + 1)
        watched.incident = replace(
            incident, acting="", child=incident.child if code is None else "", next_at=now + pause
        )
        completed = code is not None and (code == 0 or not outcome.stopped)
        entry_text = wording.completed(code or 0) if completed else wording.interrupted(code)
        details = {"threshold": watched.name, "exit_code": code, **outcome.details}
        watched.pending_entry = (*entry_text, details)
        try:
            self._advance(watched, now)
        except AuditError:
            return

    def monitor_stopping(self, watched: WatchedThreshold) -> None:
        """The monitor stops: repairs that are queued do not start, and the record says so."""
        incident = watched.incident
        if incident is not None and incident.acting == QUEUED and self._unqueue(watched):
            watched.incident = replace(incident, acting="", next_at=self._clock.now())
            watched.pending_entry = (*wording.NOT_BEGUN, {"threshold": watched.name})
            try:
                self._record_pending(watched)
            except AuditError:
                return

    def remove(self, watched: WatchedThreshold) -> None:
        """It is no longer in the configuration. Its incident ends, after a repair that is under way."""
        watched.removed = True
        try:
            self._advance(watched, self._clock.now())
        except AuditError:
            return

    def _advance(self, watched: WatchedThreshold, now: float) -> None:
        """Record and start what the present state asks for. Raises AuditError."""
        self._record_pending(watched)
        incident = watched.incident
        is_over = watched.removed or not watched.breached
        if is_over and incident is not None and self._no_repair_pending(watched, incident):
            self._close(watched, incident, now)
        self._advance_flapping(watched, now)
        if is_over or self.stopping or watched.flaps.flapping:
            return
        if watched.incident is None:
            self._open(watched, now)
        elif self._repair_due(watched, watched.incident, now):
            self._repair_again(watched, watched.incident, now)

    def _no_repair_pending(self, watched: WatchedThreshold, incident: Incident) -> bool:
        """Whether no repair is under way. One that is still queued is taken out of the queue."""
        return not incident.acting or (incident.acting == QUEUED and self._unqueue(watched))

    def _repair_due(self, watched: WatchedThreshold, incident: Incident, now: float) -> bool:
        """Whether the repairs are to start once more. Nothing is repaired while the state is unknown."""
        if incident.acting or not watched.threshold.repairs or now < incident.next_at:
            return False
        if incident.child and is_alive(incident.child):  # started by the monitor before this one
            return False
        return watched.reading is not None and watched.reading.level != UNKNOWN

    def _record_pending(self, watched: WatchedThreshold) -> None:
        if watched.pending_entry is not None and watched.incident is not None:
            sentence, outcome, details = watched.pending_entry
            self._record((sentence, outcome), details, watched.incident.run)
            watched.pending_entry = None
            self._save()

    def _advance_flapping(self, watched: WatchedThreshold, now: float) -> None:
        flaps, rule = watched.flaps, self.rule
        if flaps.since is None:
            return
        if not flaps.run:
            run, changes = new_run(), rule.changes
            details = {"threshold": watched.name, "changes": changes, "within_s": rule.within}
            self._record(wording.flapping(watched.name, changes, rule.within), details, run)
            watched.flaps = replace(flaps, run=run)
            self._save()
        elif has_calmed(flaps, rule, now):
            lasted = flaps.recent[-1] - flaps.since
            entry_text = wording.calm(watched.name, flaps.counted, lasted, watched.breached)
            self._record(entry_text, {"threshold": watched.name, "changes": flaps.counted}, flaps.run)
            watched.flaps = FlapState()
            self._save()

    def _open(self, watched: WatchedThreshold, now: float) -> None:
        incident = Incident(new_run(), watched.phase_state.since)
        watched.incident = incident
        self._save()  # before the entry: after a crash, the state file tells whose incident it is
        try:
            if watched.threshold.repairs:
                self._start_repair(watched, incident, now)
            else:
                entry_text = wording.breach(watched.name, _reading_text(watched))
                self._record(entry_text, self._details_of(watched, incident), incident.run)
        except AuditError:
            watched.incident = None
            raise

    def _repair_again(self, watched: WatchedThreshold, incident: Incident, now: float) -> None:
        if self._all_frozen(watched.threshold.repairs):
            watched.incident = replace(incident, next_at=now + watched.threshold.repair_again)
        else:
            self._start_repair(watched, replace(incident, child=""), now)

    def _start_repair(self, watched: WatchedThreshold, incident: Incident, now: float) -> None:
        incident = replace(incident, attempts=incident.attempts + 1)
        details = {**self._details_of(watched, incident), "repairs": list(watched.threshold.repairs)}
        if incident.attempts > 1:
            details["attempt"] = incident.attempts
        self._record(wording.TRIGGERED, details, incident.run)
        watched.incident = replace(incident, acting=QUEUED, next_at=now + watched.threshold.repair_again)
        self._save()
        if not self._queue(watched):
            watched.incident = replace(watched.incident, acting="")

    def _close(self, watched: WatchedThreshold, incident: Incident, now: float) -> None:
        until = now if watched.last is None or watched.last.until is None else watched.last.until
        details = self._details_of(watched, incident)
        if watched.removed and watched.breached:
            entry_text = wording.no_longer_watched(watched.name)
        else:
            entry_text = wording.recovered(until - incident.since)
            details = {**details, "lasted_s": round(until - incident.since, 3), "attempts": incident.attempts}
        self._record(entry_text, details, incident.run)
        watched.incident = None
        self._save()

    def _details_of(self, watched: WatchedThreshold, incident: Incident) -> dict[str, Any]:
        reading = watched.reading
        return {
            "threshold": watched.name,
            "kind": watched.threshold.kind,
            "value": None if reading is None else reading.value,
            "found": _reading_text(watched),
            "level": watched.limit,
            "since": self._clock.text(incident.since),
        }


def _reading_text(watched: WatchedThreshold) -> str:
    return "" if watched.reading is None else watched.reading.text


def new_run() -> str:
    """A new, unique `run` id."""
    return os.urandom(8).hex()
