"""From readings to entries and repairs: what is recorded when, and what is done only once it is.

Nothing here is an event that could be missed: each look brings what is recorded a step nearer to
how things are. An entry that cannot be written is tried again at the next look; until then nothing is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from qt_audit.recorder import AuditError
from qt_repair.monitor import wording as sentences
from qt_repair.monitor.event_loop.child import alive
from qt_repair.monitor.event_loop.clock import Clock
from qt_repair.monitor.thresholds import UNKNOWN, FlapRule, Flaps, Reading, calm, changed, step
from qt_repair.monitor.watched import QUEUED, RUNNING, Breach, Incident, Watched
from qt_repair.monitor.wording import Saying

Details = Mapping[str, Any]


class Record(Protocol):
    """Writes an entry of the monitor. Raises AuditError if it is written nowhere."""

    def __call__(self, saying: Saying, details: Details, run: str | None = None) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """How the repairs of a threshold ended. `exit_code` is None where nobody saw their end."""

    exit_code: int | None
    stopped: bool
    """Whether the monitor asked them to end."""
    details: Details
    wait: float | None = None
    """Seconds after which the guard allows what it forbade now; None: it forbade nothing."""


class Incidents:
    """Opens, repairs and closes the incidents of all thresholds."""

    def __init__(
        self,
        record: Record,
        repair: Callable[[Watched], bool],
        withdraw: Callable[[Watched], bool],
        in_vain: Callable[[Sequence[str]], bool],
        keep: Callable[[], None],
        clock: Clock,
        rule: FlapRule,
    ) -> None:
        """`repair` lets repairs begin when it is their turn, False if never; `withdraw` takes that back,
        False if they have begun; `in_vain` tells whether it is of no use to try once more; `keep` writes
        down where all stand."""
        self._record = record
        self._repair = repair
        self._withdraw = withdraw
        self._in_vain = in_vain
        self._keep = keep
        self._clock = clock
        self.rule = rule
        self.resting = False
        """Whether nothing more is opened or tried: the monitor stops."""

    def take(self, watched: Watched, reading: Reading) -> None:
        """One more look."""
        now, was = self._clock.now(), watched.breached
        watched.reading, watched.read_at = reading, now
        watched.track = step(watched.track, reading.level, watched.threshold.hold, now)
        if watched.breached:
            text = reading.text if watched.last is None or not was else watched.last.text
            watched.last = Breach(watched.track.since, None, text)
        elif was and watched.last is not None:
            watched.last = replace(watched.last, until=now)
        try:
            if watched.breached != was:
                watched.flaps = changed(watched.flaps, self.rule, now)
            self._settle(watched, now)
        except AuditError:
            return  # the audit has said so on stderr; the next look tries again

    def began(self, watched: Watched, child: str) -> None:
        """Its repairs are under way."""
        if watched.incident is not None:
            watched.incident = replace(watched.incident, acting=RUNNING, child=child)
            self._keep()

    def ended(self, watched: Watched, outcome: Outcome) -> None:
        """Its repairs are over."""
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
        seen = code is not None and (code == 0 or not outcome.stopped)
        saying = sentences.completed(code or 0) if seen else sentences.interrupted(code)
        details = {"threshold": watched.name, "exit_code": code, **outcome.details}
        watched.unsaid = (*saying, details)
        try:
            self._settle(watched, now)
        except AuditError:
            return

    def stopped(self, watched: Watched) -> None:
        """The monitor is told to stop: what waited for its turn is not begun."""
        incident = watched.incident
        if incident is not None and incident.acting == QUEUED and self._withdraw(watched):
            watched.incident = replace(incident, acting="", next_at=self._clock.now())
            watched.unsaid = (*sentences.NOT_BEGUN, {"threshold": watched.name})
            try:
                self._say_the_unsaid(watched)
            except AuditError:
                return

    def gone(self, watched: Watched) -> None:
        """It is in the configuration no more. An incident ends here; a repair under way is waited for."""
        watched.gone = True
        try:
            self._settle(watched, self._clock.now())
        except AuditError:
            return

    def _settle(self, watched: Watched, now: float) -> None:
        """Bring what is recorded and done nearer to how things are. Raises AuditError."""
        self._say_the_unsaid(watched)
        incident = watched.incident
        over = watched.gone or not watched.breached
        if over and incident is not None and self._idle(watched, incident):
            self._close(watched, incident, now)
        self._settle_flaps(watched, now)
        if over or self.resting or watched.flaps.flapping:
            return
        if watched.incident is None:
            self._open(watched, now)
        elif self._due(watched, watched.incident, now):
            self._try_again(watched, watched.incident, now)

    def _idle(self, watched: Watched, incident: Incident) -> bool:
        """Whether no repair is under way; one that waits for its turn is not needed any more."""
        return not incident.acting or (incident.acting == QUEUED and self._withdraw(watched))

    def _due(self, watched: Watched, incident: Incident, now: float) -> bool:
        """Whether the repairs are to be begun once more. What cannot be told is not repaired."""
        if incident.acting or not watched.threshold.repairs or now < incident.next_at:
            return False
        if incident.child and alive(incident.child):  # of a monitor before this one
            return False
        return watched.reading is not None and watched.reading.level != UNKNOWN

    def _say_the_unsaid(self, watched: Watched) -> None:
        if watched.unsaid is not None and watched.incident is not None:
            sentence, outcome, details = watched.unsaid
            self._record((sentence, outcome), details, watched.incident.run)
            watched.unsaid = None
            self._keep()

    def _settle_flaps(self, watched: Watched, now: float) -> None:
        flaps, rule = watched.flaps, self.rule
        if flaps.since is None:
            return
        if not flaps.run:
            run, changes = new_run(), rule.changes
            details = {"threshold": watched.name, "changes": changes, "within_s": rule.within}
            self._record(sentences.flapping(watched.name, changes, rule.within), details, run)
            watched.flaps = replace(flaps, run=run)
            self._keep()
        elif calm(flaps, rule, now):
            lasted = flaps.recent[-1] - flaps.since
            saying = sentences.calm(watched.name, flaps.counted, lasted, watched.breached)
            self._record(saying, {"threshold": watched.name, "changes": flaps.counted}, flaps.run)
            watched.flaps = Flaps()
            self._keep()

    def _open(self, watched: Watched, now: float) -> None:
        incident = Incident(new_run(), watched.track.since)
        watched.incident = incident
        self._keep()  # before the entry: whoever finds it after a crash knows that it is ours
        try:
            if watched.threshold.repairs:
                self._try(watched, incident, now)
            else:
                saying = sentences.breach(watched.name, _found(watched))
                self._record(saying, self._about(watched, incident), incident.run)
        except AuditError:
            watched.incident = None
            raise

    def _try_again(self, watched: Watched, incident: Incident, now: float) -> None:
        if self._in_vain(watched.threshold.repairs):
            watched.incident = replace(incident, next_at=now + watched.threshold.repair_again)
        else:
            self._try(watched, replace(incident, child=""), now)

    def _try(self, watched: Watched, incident: Incident, now: float) -> None:
        incident = replace(incident, attempts=incident.attempts + 1)
        details = {**self._about(watched, incident), "repairs": list(watched.threshold.repairs)}
        if incident.attempts > 1:
            details["attempt"] = incident.attempts
        self._record(sentences.TRIGGERED, details, incident.run)
        watched.incident = replace(incident, acting=QUEUED, next_at=now + watched.threshold.repair_again)
        self._keep()
        if not self._repair(watched):
            watched.incident = replace(watched.incident, acting="")

    def _close(self, watched: Watched, incident: Incident, now: float) -> None:
        until = now if watched.last is None or watched.last.until is None else watched.last.until
        details = self._about(watched, incident)
        if watched.gone and watched.breached:
            saying = sentences.no_longer_watched(watched.name)
        else:
            saying = sentences.recovered(until - incident.since)
            details = {**details, "lasted_s": round(until - incident.since, 3), "attempts": incident.attempts}
        self._record(saying, details, incident.run)
        watched.incident = None
        self._keep()

    def _about(self, watched: Watched, incident: Incident) -> dict[str, Any]:
        reading = watched.reading
        return {
            "threshold": watched.name,
            "kind": watched.threshold.kind,
            "value": None if reading is None else reading.value,
            "found": _found(watched),
            "level": watched.level,
            "since": self._clock.text(incident.since),
        }


def _found(watched: Watched) -> str:
    return "" if watched.reading is None else watched.reading.text


def new_run() -> str:
    """A `run` that no other incident has."""
    return os.urandom(8).hex()
