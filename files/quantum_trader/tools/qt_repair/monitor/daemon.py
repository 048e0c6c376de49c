"""Thresholds over time: what the realtime monitor runs. One loop; what may hang does so elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from qt_audit.record.place import Place
from qt_audit.record.warning import warn
from qt_audit.recorder import log_action
from qt_repair.engine.guard import Guard, GuardError
from qt_repair.monitor import wording as sentences
from qt_repair.monitor.docker_events import DockerEvents
from qt_repair.monitor.event_loop.clock import Clock, written
from qt_repair.monitor.event_loop.loop import Loop, Timer
from qt_repair.monitor.event_loop.notify_socket import NotifySocket
from qt_repair.monitor.frozen_repairs import Thawing
from qt_repair.monitor.incidents import Details, Incidents, Outcome
from qt_repair.monitor.reload import Reload
from qt_repair.monitor.repair_queue import Repairing
from qt_repair.monitor.rounds import Roster
from qt_repair.monitor.state.file import StateError, StateFile
from qt_repair.monitor.state.resume import recall, resolve
from qt_repair.monitor.thresholds import UNKNOWN, FlapRule, Reading
from qt_repair.monitor.watch.repair.watcher import repair_program
from qt_repair.monitor.watched import Watched, thresholds_of
from qt_repair.monitor.wording import Saying

SOURCE = "realtime_monitor"
_FIRST_S = 1.0
"""After which what was seen first is kept for `status`, also where rounds are long."""
_STOP_S = 4.0
"""How long a stop waits for the repair under way to record its end."""


class Monitor:
    """Watches what one configuration names, until it is told to stop."""

    def __init__(
        self,
        place: Place,
        face: str,
        value: Mapping[str, Any],
        state_file: StateFile | None,
        say: Callable[[str], None],
    ) -> None:
        """`face` is the program as it was named; `value` its checked configuration. Without `state_file`
        it is a dry run: nothing is recorded or repaired. `say` prints a line."""
        self._place = place
        self._value = value
        self._state_file = state_file
        self._say = say
        self._loop = Loop()
        self._clock = Clock()
        self._began = self._clock.now()
        self._notify = NotifySocket(os.environ)
        base = os.path.dirname(os.path.dirname(face))
        program = [sys.executable, repair_program(base)]
        self._repairing = Repairing(self._loop, program, 0, self._repair_began, self._repair_ended)
        self._guard = Guard(place.path, 1)  # to be read
        self._thawing = Thawing(self._loop, program, self._guard)
        self._incidents = Incidents(
            self._record,
            self._repairing.add if state_file is not None else self._would_repair,
            self._repairing.withdraw,
            self._in_vain,
            self._keep,
            self._clock,
            FlapRule(0, 0, 0),
        )
        self._roster = Roster(self._loop, base, self._take)
        self._left: list[Watched] = []
        """What is watched no more, and has a repair under way or an end that is not recorded."""
        self._events = DockerEvents(self._loop, self._roster.look_at_containers)
        self._listening = False
        self._reload = Reload(self._loop, face, self._reloaded, self._refused)
        self._trouble = ""
        self._stopping = False
        self._ending: Timer | None = None

    def run(self) -> int:
        """Until SIGTERM or SIGINT. The exit status."""
        self._loop.catch((signal.SIGTERM, signal.SIGINT), self._stop)
        self._loop.catch((signal.SIGHUP,), self._hang_up)
        self._apply(self._value)
        self._record_quietly(sentences.STARTED, self._counts())  # brings home what waits elsewhere, too
        if self._state_file is not None:
            self._take_up(self._state_file)
        self._round()
        self._loop.after(_FIRST_S, partial(self._keep, durable=False))
        self._notify.ready()
        if self._notify.watchdog_s:
            self._sign_of_life()
        self._loop.run()
        self._notify.close()
        return 0

    # What is watched.

    def _apply(self, value: Mapping[str, Any]) -> None:
        flapping = value["flapping"]
        self._value = value
        self._incidents.rule = FlapRule(flapping["changes"], flapping["within"], flapping["calm"])
        self._repairing.timeout = value["repair_timeout"]
        for watched in self._roster.apply(list(thresholds_of(value))):
            self._left.append(watched)
            self._incidents.gone(watched)
        containers = bool(value["thresholds"]["container"])
        if containers != self._listening:
            self._listening = containers
            (self._events.begin if containers else self._events.close)()

    def _take_up(self, state_file: StateFile) -> None:
        """Go on with the breaches that an earlier monitor left open."""
        try:
            self._left = recall(state_file.read(), self._roster.watched, self._clock)
        except StateError as error:
            warn(str(error))
        for watched in [*self._roster.watched, *self._left]:
            resolve(watched, self._place, self._clock)
        for watched in self._left:
            self._incidents.gone(watched)

    def _take(self, watched: Watched, reading: Reading) -> None:
        before = watched.reading
        if reading.level == UNKNOWN and (before is None or before.text != reading.text):
            self._say(f"{watched.name}: cannot tell: {reading.text}")
        elif reading.level != UNKNOWN and before is not None and before.level == UNKNOWN:
            self._say(f"{watched.name}: {reading.text}")
        self._incidents.take(watched, reading)

    # What is done.

    def _repair_began(self, watched: Watched, child: str) -> None:
        self._incidents.began(watched, child)

    def _repair_ended(self, watched: Watched, outcome: Outcome) -> None:
        self._incidents.ended(watched, outcome)
        if self._stopping:
            self._stopped()
        else:
            self._roster.look_at(watched)

    def _would_repair(self, watched: Watched) -> bool:
        self._say(f"would run: {' '.join(self._repairing.argv(watched))}")
        return False

    def _in_vain(self, repairs: Sequence[str]) -> bool:
        """Whether all of them are frozen: another attempt would only be refused, and recorded."""
        try:
            states = self._guard.states()
        except GuardError:
            return False  # the attempt says so
        return all(name in states and states[name].frozen_since is not None for name in repairs)

    # What is recorded and kept.

    def _record(self, saying: Saying, details: Details, run: str | None = None) -> None:
        sentence, outcome = saying
        if self._state_file is None:
            self._say(f"would record: {sentence} ({outcome}): {dict(details)}")
            return
        log_action(sentence, source=SOURCE, outcome=outcome, details=details, run=run, required=True)

    def _record_quietly(self, saying: Saying, details: Details) -> None:
        """What nothing hangs on: where it cannot be recorded, a warning is all."""
        if self._state_file is not None:
            log_action(saying[0], source=SOURCE, outcome=saying[1], details=details, required=False)

    def _counts(self) -> dict[str, Any]:
        return {"thresholds": len(self._roster.watched), "round_s": self._value["round"]}

    def _keep(self, durable: bool = True) -> None:
        if self._state_file is None:
            return
        state = {
            "version": 1,
            "pid": os.getpid(),
            "started": self._clock.wall(self._began),
            "written": time.time(),
            "round": self._value["round"],
            "trouble": self._events.trouble if self._listening else "",
            "thresholds": [watched.kept(self._clock) for watched in (*self._roster.watched, *self._left)],
        }
        try:
            self._state_file.write(state, durable)
            self._trouble = ""
        except StateError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._say(self._trouble)

    def _round(self) -> None:
        self._loop.after(self._value["round"], self._round)
        for watched in self._left:
            self._incidents.gone(watched)
        self._left = [watched for watched in self._left if watched.incident is not None]
        self._keep(durable=False)
        if self._state_file is not None:
            named = {name for watched in self._roster.watched for name in watched.threshold.repairs}
            self._thawing.round(named, self._repairing.timeout)
        open_now = [watched.name for watched in self._roster.watched if watched.breached]
        says = f"in breach: {', '.join(open_now)}" if open_now else "all clear"
        self._notify.status(f"Watching {len(self._roster.watched)} thresholds; {says}")

    def _sign_of_life(self) -> None:
        self._loop.after(self._notify.watchdog_s, self._sign_of_life)
        self._notify.alive()

    # What it is told.

    def _hang_up(self, _number: int) -> None:
        if not self._stopping:
            self._notify.reloading()
            self._reload.begin()

    def _reloaded(self, value: Mapping[str, Any]) -> None:
        self._apply(value)
        self._record_quietly(sentences.RELOADED, self._counts())
        self._keep()
        self._notify.ready()

    def _refused(self, lines: list[str]) -> None:
        for line in lines:
            self._say(f"the new configuration is refused: {line}")
        self._record_quietly(sentences.REFUSED, {"faults": lines})
        self._notify.ready()

    def _stop(self, number: int) -> None:
        if self._stopping:
            return
        self._stopping = self._incidents.resting = True
        self._notify.stopping()
        self._say(f"{signal.Signals(number).name}: stopping")
        self._roster.close()
        self._events.close()
        self._thawing.close()
        self._reload.close()
        self._repairing.stop()
        for watched in (*self._roster.watched, *self._left):
            self._incidents.stopped(watched)
        if self._repairing.busy:
            self._ending = self._loop.after(_STOP_S, self._repairing.abandon)
        else:
            self._stopped()

    def _stopped(self) -> None:
        """Nothing is under way any more, or is left to itself."""
        if self._ending is not None:
            self._ending.cancel()
        self._keep()
        up = written(self._clock.wall(self._began))
        self._record_quietly(sentences.STOPPED, {**self._counts(), "started": up})
        self._loop.stop()
