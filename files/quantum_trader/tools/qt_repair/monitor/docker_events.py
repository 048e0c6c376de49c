"""Docker's event stream, from a child process that is restarted whenever it ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qt_repair.host import docker
from qt_repair.host.process import as_root
from qt_repair.monitor.event_loop.child import Child
from qt_repair.monitor.event_loop.loop import Loop, Timer
from qt_repair.monitor.watcher import last_line

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_LISTENS_S = 1.0
"""After this the stream surely runs; a poll then finds what happened before."""
_LONGEST_LINE = 1 << 16
_STABLE_S = 60.0
"""After a stream that lasted this long, the next pause is short again."""


class DockerEvents:
    """Calls `on_event` with the name of the container that an event is about, or with None for all of them:
    while the stream is down, events are missed."""

    def __init__(self, loop: Loop, on_event: Callable[[str | None], None]) -> None:
        self._loop = loop
        self._on_event = on_event
        self._pause = _FIRST_PAUSE_S
        self._partial_line = b""
        self._child: Child | None = None
        self._timer: Timer | None = None
        self.error = ""
        """Why the stream is down; empty while it runs."""

    def start(self) -> None:
        self._timer = None
        self._partial_line = b""
        argv = as_root(docker.events_argv())
        try:
            self._child = Child(self._loop, argv, self._ended, on_output=self._read)
        except OSError as error:
            self._restart_later(f"{argv[0]} cannot be run: {error.strerror}")
            return
        self._timer = self._loop.call_later(_STABLE_S, partial(setattr, self, "_pause", _FIRST_PAUSE_S))
        self.error = ""
        self._loop.call_later(_LISTENS_S, partial(self._on_event, None))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._child is not None:
            self._child.abandon()
            self._child = None

    def _read(self, block: bytes) -> None:
        lines = (self._partial_line + block).split(b"\n")
        self._partial_line = lines.pop()[-_LONGEST_LINE:]
        for line in lines:
            event = docker.parse_event(line)
            if event is not None:
                self._on_event(event.container)

    def _ended(self, exit_code: int) -> None:
        assert self._child is not None
        errors = last_line(self._child.errors)
        self._child = None
        self._restart_later(errors or f"the stream of Docker's events ended with {exit_code}")

    def _restart_later(self, error: str) -> None:
        """Restart after a pause. Each pause is twice as long as the one before, up to a minute."""
        if self._timer is not None:
            self._timer.cancel()
        self.error = error
        self._timer = self._loop.call_later(self._pause, self.start)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_S)
        self._on_event(None)
