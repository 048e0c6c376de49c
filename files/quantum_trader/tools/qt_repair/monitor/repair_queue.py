"""Run the repairs of thresholds one after the other, each by auto_repair_system.py in a child process."""

from __future__ import annotations

import json
import signal
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from qt_repair.monitor.event_loop.child import Child, process_identity
from qt_repair.monitor.event_loop.loop import Loop
from qt_repair.monitor.incidents import RepairOutcome
from qt_repair.monitor.watched_threshold import WatchedThreshold
from qt_repair.monitor.watcher import last_line

_TEXT = 300
_NOT_STARTED = 126


class RepairQueue:
    """The thresholds whose repairs are to run, and the one whose repairs run now."""

    def __init__(
        self,
        loop: Loop,
        program: list[str],
        timeout: float,
        on_start: Callable[[WatchedThreshold, str], None],
        on_end: Callable[[WatchedThreshold, RepairOutcome], None],
    ) -> None:
        """`program` is auto_repair_system.py; a run that takes longer than `timeout` seconds is ended."""
        self._loop = loop
        self._program = program
        self.timeout = timeout
        self._on_start = on_start
        self._on_end = on_end
        self._queue: deque[WatchedThreshold] = deque()
        self._running: tuple[WatchedThreshold, Child, float] | None = None
        self._stopping = False

    @property
    def busy(self) -> bool:
        return self._running is not None

    def add(self, watched: WatchedThreshold) -> bool:
        """Queue a threshold's repairs. Always true."""
        self._queue.append(watched)
        self._loop.call_soon(self._start_next)
        return True

    def remove(self, watched: WatchedThreshold) -> bool:
        """Take them out of the queue; False if they have started."""
        try:
            self._queue.remove(watched)
        except ValueError:
            return False
        return True

    def stop(self) -> None:
        """Start no more repairs. The one that runs gets SIGTERM; it records its closing entry, then ends."""
        self._stopping = True
        if self._running is not None:
            self._running[1].signal(signal.SIGTERM)

    def leave_running(self) -> None:
        """Report that the repair did not end in time, and leave it running."""
        if self._running is not None:
            watched, child, started_at = self._running
            self._running = None
            details = {"duration_s": _seconds_since(started_at), "pid": child.pid}
            self._on_end(watched, RepairOutcome(None, True, details))

    def argv(self, watched: WatchedThreshold) -> list[str]:
        """The command that runs the repairs of a threshold."""
        incident = watched.incident
        trigger = incident.run if incident is not None else ""
        return [*self._program, "--only", *watched.threshold.repairs, "--trigger", trigger, "--json"]

    def _start_next(self) -> None:
        if self._running is not None or self._stopping or not self._queue:
            return
        watched, started_at = self._queue.popleft(), time.monotonic()
        try:
            child = Child(self._loop, self.argv(watched), partial(self._child_ended, watched))
        except OSError as error:
            self._loop.call_soon(self._start_next)
            self._on_start(watched, "")
            why = f"{self._program[0]} cannot be run: {error.strerror}"
            self._on_end(watched, RepairOutcome(_NOT_STARTED, False, {"error": why}))
            return
        child.end_after(self.timeout)
        self._running = watched, child, started_at
        self._on_start(watched, process_identity(child.pid))

    def _child_ended(self, watched: WatchedThreshold, exit_code: int) -> None:
        if self._running is None:
            return
        _, child, started_at = self._running
        self._running = None
        results = _results(child.output)
        duration = {"duration_s": _seconds_since(started_at)}
        details: dict[str, Any] = {**duration, **_result_details(results, child.errors)}
        self._loop.call_soon(self._start_next)
        self._on_end(watched, RepairOutcome(exit_code, self._stopping, details, _shortest_wait(results)))


def _seconds_since(started_at: float) -> float:
    return round(time.monotonic() - started_at, 3)


def _results(output: bytes) -> list[dict[str, Any]]:
    """The result of each repair, from the program's JSON; empty if it printed none."""
    try:
        return [dict(result) for result in json.loads(output)["results"]]
    except (ValueError, KeyError, TypeError):
        return []


def _result_details(results: list[dict[str, Any]], errors: str) -> dict[str, Any]:
    """The results as details of an entry; without results, the last line on standard error."""
    short = [
        {
            **{key: str(result.get(key, ""))[:_TEXT] for key in ("name", "state", "text")},
            **({"run": result["run"]} if result.get("run") else {}),
        }
        for result in results
    ]
    last_error = last_line(errors)[:_TEXT]
    return {"results": short} if short else {"error": last_error} if last_error else {}


def _shortest_wait(results: list[dict[str, Any]]) -> float | None:
    """Seconds until the guard allows the first of the repairs that it held back."""
    details = [result.get("details") for result in results if result.get("state") == "held"]
    waits = [known.get("wait_s") for known in details if isinstance(known, dict)]
    return min((float(wait) for wait in waits if isinstance(wait, (int, float))), default=None)
