"""The realtime monitor's daemon: one event loop. What may block runs in a thread or in a child process."""

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
from qt_repair.monitor import wording
from qt_repair.monitor.config_reload import ConfigReload
from qt_repair.monitor.docker_events import DockerEvents
from qt_repair.monitor.event_loop.clock import Clock, utc_text
from qt_repair.monitor.event_loop.loop import Loop, Timer
from qt_repair.monitor.event_loop.notify_socket import NotifySocket
from qt_repair.monitor.frozen_repairs import FrozenRepairProber
from qt_repair.monitor.incidents import Details, IncidentTracker, RepairOutcome
from qt_repair.monitor.poll_schedule import PollSchedule
from qt_repair.monitor.repair_queue import RepairQueue
from qt_repair.monitor.state.file import StateError, StateFile
from qt_repair.monitor.state.resume import check_against_record, restore
from qt_repair.monitor.thresholds import UNKNOWN, FlapRule, Reading
from qt_repair.monitor.watch.repair.watcher import repair_program
from qt_repair.monitor.watched_threshold import WatchedThreshold, thresholds_of
from qt_repair.monitor.wording import EntryText

SOURCE = "realtime_monitor"
_FIRST_SAVE_S = 1.0
"""When the first readings are saved for `status`, however long the rounds are."""
_STOP_S = 4.0
"""How long a stop waits until the running repair has recorded its end."""


class Monitor:
    """Watches the thresholds of one configuration until it is told to stop."""

    def __init__(
        self,
        place: Place,
        face: str,
        value: Mapping[str, Any],
        state_file: StateFile | None,
        print_line: Callable[[str], None],
    ) -> None:
        """`face` is the path by which the program was called; `value` its checked configuration. Without
        `state_file` it is a dry run: nothing is recorded or repaired. `print_line` writes to the journal."""
        self._place = place
        self._value = value
        self._state_file = state_file
        self._print = print_line
        self._loop = Loop()
        self._clock = Clock()
        self._started_at = self._clock.now()
        self._notify = NotifySocket(os.environ)
        install_dir = os.path.dirname(os.path.dirname(face))
        program = [sys.executable, repair_program(install_dir)]
        self._queue = RepairQueue(self._loop, program, 0, self._repair_started, self._repair_ended)
        self._guard = Guard(place.path, 1)  # only read here
        self._frozen_prober = FrozenRepairProber(self._loop, program, self._guard)
        self._incidents = IncidentTracker(
            self._record,
            self._queue.add if state_file is not None else self._print_repair,
            self._queue.remove,
            self._all_frozen,
            self._save,
            self._clock,
            FlapRule(0, 0, 0),
        )
        self._schedule = PollSchedule(self._loop, install_dir, self._on_reading)
        self._retired: list[WatchedThreshold] = []
        """Thresholds no longer watched whose repair still runs, or whose incident is not closed yet."""
        self._docker_events = DockerEvents(self._loop, self._schedule.poll_containers)
        self._follows_docker = False
        self._reload = ConfigReload(self._loop, face, self._on_new_config, self._on_refused_config)
        self._save_error = ""
        self._stopping = False
        self._stop_timer: Timer | None = None

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; the exit status."""
        self._loop.add_signal_handler((signal.SIGTERM, signal.SIGINT), self._on_stop_signal)
        self._loop.add_signal_handler((signal.SIGHUP,), self._on_sighup)
        self._apply(self._value)
        # This entry also brings home entries that wait in a fallback place.
        self._record_optional(wording.STARTED, self._count_details())
        if self._state_file is not None:
            self._resume(self._state_file)
        self._round()
        self._loop.call_later(_FIRST_SAVE_S, partial(self._save, durable=False))
        self._notify.ready()
        if self._notify.watchdog_s:
            self._ping_watchdog()
        self._loop.run()
        self._notify.close()
        return 0

    # Configuration, state and readings.

    def _apply(self, value: Mapping[str, Any]) -> None:
        flapping = value["flapping"]
        self._value = value
        self._incidents.rule = FlapRule(flapping["changes"], flapping["within"], flapping["calm"])
        self._queue.timeout = value["repair_timeout"]
        for watched in self._schedule.apply(list(thresholds_of(value))):
            self._retired.append(watched)
            self._incidents.remove(watched)
        containers = bool(value["thresholds"]["container"])
        if containers != self._follows_docker:
            self._follows_docker = containers
            (self._docker_events.start if containers else self._docker_events.close)()

    def _resume(self, state_file: StateFile) -> None:
        """Continue the incidents that the monitor before this one left open."""
        try:
            self._retired = restore(state_file.read(), self._schedule.watched, self._clock)
        except StateError as error:
            warn(str(error))
        for watched in [*self._schedule.watched, *self._retired]:
            check_against_record(watched, self._place, self._clock)
        for watched in self._retired:
            self._incidents.remove(watched)

    def _on_reading(self, watched: WatchedThreshold, reading: Reading) -> None:
        before = watched.reading
        if reading.level == UNKNOWN and (before is None or before.text != reading.text):
            self._print(f"{watched.name}: cannot tell: {reading.text}")
        elif reading.level != UNKNOWN and before is not None and before.level == UNKNOWN:
            self._print(f"{watched.name}: {reading.text}")
        self._incidents.add_reading(watched, reading)

    # Repairs.

    def _repair_started(self, watched: WatchedThreshold, child: str) -> None:
        self._incidents.repair_started(watched, child)

    def _repair_ended(self, watched: WatchedThreshold, outcome: RepairOutcome) -> None:
        self._incidents.repair_ended(watched, outcome)
        if self._stopping:
            self._finish()
        else:
            self._schedule.poll(watched)

    def _print_repair(self, watched: WatchedThreshold) -> bool:
        self._print(f"would run: {' '.join(self._queue.argv(watched))}")
        return False

    def _all_frozen(self, repairs: Sequence[str]) -> bool:
        """Whether all of these repairs are frozen, so that an attempt would only be refused and recorded."""
        try:
            states = self._guard.states()
        except GuardError:
            return False  # the attempt will report it
        return all(name in states and states[name].frozen_since is not None for name in repairs)

    # The record and the state file.

    def _record(self, entry_text: EntryText, details: Details, run: str | None = None) -> None:
        sentence, outcome = entry_text
        if self._state_file is None:
            self._print(f"would record: {sentence} ({outcome}): {dict(details)}")
            return
        log_action(sentence, source=SOURCE, outcome=outcome, details=details, run=run, required=True)

    def _record_optional(self, entry_text: EntryText, details: Details) -> None:
        """Record what nothing depends on: if it cannot be written, a warning is enough."""
        if self._state_file is not None:
            log_action(entry_text[0], source=SOURCE, outcome=entry_text[1], details=details, required=False)

    def _count_details(self) -> dict[str, Any]:
        return {"thresholds": len(self._schedule.watched), "round_s": self._value["round"]}

    def _save(self, durable: bool = True) -> None:
        if self._state_file is None:
            return
        state = {
            "version": 1,
            "pid": os.getpid(),
            "started": self._clock.wall(self._started_at),
            "written": time.time(),
            "round": self._value["round"],
            "trouble": self._docker_events.error if self._follows_docker else "",
            "thresholds": [
                watched.as_state(self._clock) for watched in (*self._schedule.watched, *self._retired)
            ],
        }
        try:
            self._state_file.write(state, durable)
            self._save_error = ""
        except StateError as error:
            if str(error) != self._save_error:
                self._save_error = str(error)
                self._print(self._save_error)

    def _round(self) -> None:
        self._loop.call_later(self._value["round"], self._round)
        for watched in self._retired:
            self._incidents.remove(watched)
        self._retired = [watched for watched in self._retired if watched.incident is not None]
        self._save(durable=False)
        if self._state_file is not None:
            named = {name for watched in self._schedule.watched for name in watched.threshold.repairs}
            self._frozen_prober.on_round(named, self._queue.timeout)
        in_breach = [watched.name for watched in self._schedule.watched if watched.breached]
        state = f"in breach: {', '.join(in_breach)}" if in_breach else "all clear"
        self._notify.status(f"Watching {len(self._schedule.watched)} thresholds; {state}")

    def _ping_watchdog(self) -> None:
        self._loop.call_later(self._notify.watchdog_s, self._ping_watchdog)
        self._notify.ping_watchdog()

    # Signals.

    def _on_sighup(self, _number: int) -> None:
        if not self._stopping:
            self._notify.reloading()
            self._reload.start()

    def _on_new_config(self, value: Mapping[str, Any]) -> None:
        self._apply(value)
        self._record_optional(wording.RELOADED, self._count_details())
        self._save()
        self._notify.ready()

    def _on_refused_config(self, lines: list[str]) -> None:
        for line in lines:
            self._print(f"the new configuration is refused: {line}")
        self._record_optional(wording.REFUSED, {"faults": lines})
        self._notify.ready()

    def _on_stop_signal(self, number: int) -> None:
        if self._stopping:
            return
        self._stopping = self._incidents.stopping = True
        self._notify.stopping()
        self._print(f"{signal.Signals(number).name}: stopping")
        self._schedule.close()
        self._docker_events.close()
        self._frozen_prober.close()
        self._reload.close()
        self._queue.stop()
        for watched in (*self._schedule.watched, *self._retired):
            self._incidents.monitor_stopping(watched)
        if self._queue.busy:
            self._stop_timer = self._loop.call_later(_STOP_S, self._queue.leave_running)
        else:
            self._finish()

    def _finish(self) -> None:
        """End the loop: no repair runs, or the one that runs is left running."""
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        self._save()
        started = utc_text(self._clock.wall(self._started_at))
        self._record_optional(wording.STOPPED, {**self._count_details(), "started": started})
        self._loop.stop()
