"""Docker's events, from a child process that is begun again whenever it ends."""

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
"""After which Docker surely tells: what happened before is seen by a look."""
_LONGEST_LINE = 1 << 16
_SOUND_S = 60.0
"""A stream that lasted so long was sound: the next pause is short again."""


class DockerEvents:
    """Calls back with the name of a container that something happened to, and with None for `look at all`:
    whatever happened while the stream was down was missed."""

    def __init__(self, loop: Loop, happened: Callable[[str | None], None]) -> None:
        self._loop = loop
        self._happened = happened
        self._pause = _FIRST_PAUSE_S
        self._rest = b""
        self._child: Child | None = None
        self._timer: Timer | None = None
        self.trouble = ""
        """Why there are no events now; empty while there are."""

    def begin(self) -> None:
        self._timer = None
        self._rest = b""
        argv = as_root(docker.events_argv())
        try:
            self._child = Child(self._loop, argv, self._ended, on_output=self._read)
        except OSError as error:
            self._again(f"{argv[0]} cannot be run: {error.strerror}")
            return
        self._timer = self._loop.after(_SOUND_S, partial(setattr, self, "_pause", _FIRST_PAUSE_S))
        self.trouble = ""
        self._loop.after(_LISTENS_S, partial(self._happened, None))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._child is not None:
            self._child.let_go()
            self._child = None

    def _read(self, block: bytes) -> None:
        lines = (self._rest + block).split(b"\n")
        self._rest = lines.pop()[-_LONGEST_LINE:]
        for line in lines:
            event = docker.parse_event(line)
            if event is not None:
                self._happened(event.container)

    def _ended(self, exit_code: int) -> None:
        assert self._child is not None
        said = last_line(self._child.errors)
        self._child = None
        self._again(said or f"the stream of Docker's events ended with {exit_code}")

    def _again(self, trouble: str) -> None:
        """Begin again after a pause, each twice as long as the one before."""
        if self._timer is not None:
            self._timer.cancel()
        self.trouble = trouble
        self._timer = self._loop.after(self._pause, self.begin)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_S)
        self._happened(None)
