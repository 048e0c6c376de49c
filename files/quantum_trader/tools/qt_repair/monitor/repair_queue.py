"""The repairs of thresholds, one after the other, each by auto_repair_system.py in a process of its own."""

from __future__ import annotations

import json
import signal
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from qt_repair.monitor.event_loop.child import Child, identity
from qt_repair.monitor.event_loop.loop import Loop
from qt_repair.monitor.incidents import Outcome
from qt_repair.monitor.watched import Watched
from qt_repair.monitor.watcher import last_line

_TEXT = 300
_NOT_STARTED = 126


class Repairing:
    """A queue of thresholds whose repairs are to be done, and the one that is at it."""

    def __init__(
        self,
        loop: Loop,
        program: list[str],
        timeout: float,
        began: Callable[[Watched, str], None],
        ended: Callable[[Watched, Outcome], None],
    ) -> None:
        """`program` repairs what `--only` names; after `timeout` seconds it is ended."""
        self._loop = loop
        self._program = program
        self.timeout = timeout
        self._began = began
        self._ended = ended
        self._queue: deque[Watched] = deque()
        self._current: tuple[Watched, Child, float] | None = None
        self._stopping = False

    @property
    def busy(self) -> bool:
        return self._current is not None

    def add(self, watched: Watched) -> bool:
        """Do its repairs when it is their turn."""
        self._queue.append(watched)
        self._loop.soon(self._next)
        return True

    def withdraw(self, watched: Watched) -> bool:
        """Do them not, after all; False if they have begun."""
        try:
            self._queue.remove(watched)
        except ValueError:
            return False
        return True

    def stop(self) -> None:
        """Begin nothing more. What is under way is asked to end, and records its own closing entry first."""
        self._stopping = True
        if self._current is not None:
            self._current[1].signal(signal.SIGTERM)

    def abandon(self) -> None:
        """It has not ended in time: say so, and leave it to itself."""
        if self._current is not None:
            watched, child, begin = self._current
            self._current = None
            self._ended(watched, Outcome(None, True, {"duration_s": _since(begin), "pid": child.pid}))

    def argv(self, watched: Watched) -> list[str]:
        """What does the repairs of a threshold."""
        incident = watched.incident
        trigger = incident.run if incident is not None else ""
        return [*self._program, "--only", *watched.threshold.repairs, "--trigger", trigger, "--json"]

    def _next(self) -> None:
        if self._current is not None or self._stopping or not self._queue:
            return
        watched, begin = self._queue.popleft(), time.monotonic()
        try:
            child = Child(self._loop, self.argv(watched), partial(self._over, watched))
        except OSError as error:
            self._loop.soon(self._next)
            self._began(watched, "")
            why = f"{self._program[0]} cannot be run: {error.strerror}"
            self._ended(watched, Outcome(_NOT_STARTED, False, {"error": why}))
            return
        child.end_after(self.timeout)
        self._current = watched, child, begin
        self._began(watched, identity(child.pid))

    def _over(self, watched: Watched, exit_code: int) -> None:
        if self._current is None:
            return
        _, child, begin = self._current
        self._current = None
        results = _results(child.output)
        details: dict[str, Any] = {"duration_s": _since(begin), **_answer(results, child.errors)}
        self._loop.soon(self._next)
        self._ended(watched, Outcome(exit_code, self._stopping, details, _wait(results)))


def _since(begin: float) -> float:
    return round(time.monotonic() - begin, 3)


def _results(output: bytes) -> list[dict[str, Any]]:
    """What the program says became of each repair; nothing where it says nothing that is understood."""
    try:
        return [dict(result) for result in json.loads(output)["results"]]
    except (ValueError, KeyError, TypeError):
        return []


def _answer(results: list[dict[str, Any]], errors: str) -> dict[str, Any]:
    """The same for an entry, or why there is nothing."""
    short = [
        {
            **{key: str(result.get(key, ""))[:_TEXT] for key in ("name", "state", "text")},
            **({"run": result["run"]} if result.get("run") else {}),
        }
        for result in results
    ]
    said = last_line(errors)[:_TEXT]
    return {"results": short} if short else {"error": said} if said else {}


def _wait(results: list[dict[str, Any]]) -> float | None:
    """Seconds until the first of the repairs that must wait may be tried."""
    details = [result.get("details") for result in results if result.get("state") == "held"]
    waits = [known.get("wait_s") for known in details if isinstance(known, dict)]
    return min((float(wait) for wait in waits if isinstance(wait, (int, float))), default=None)
