"""A child process of the event loop: its output is read as it comes, and its end is noticed at once."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import IO

from qt_repair.host.process import signal_group
from qt_repair.monitor.event_loop.loop import Loop, Timer

_BLOCK = 1 << 16
_ERRORS_CHARACTERS = 4000
_GRACE_S = 2.0


class Child:
    """A child in a session of its own. `on_end` gets its exit status: 128 + n after signal n."""

    def __init__(
        self,
        loop: Loop,
        argv: Sequence[str],
        on_end: Callable[[int], None],
        *,
        on_output: Callable[[bytes], None] | None = None,
        keep: int = 1 << 20,
    ) -> None:
        """Start it. At most `keep` bytes of its output are kept. Raises OSError if it cannot be run."""
        self._loop = loop
        self._on_end = on_end
        self._on_output = on_output
        self._keep = keep
        self._output = bytearray()
        self._errors = bytearray()
        self._timers: list[Timer] = []
        self._kill_timers: list[Timer] = []
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.has_ended = False
        self._pidfd = os.pidfd_open(self.pid)
        loop.add_reader(self._pidfd, self._reap)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._streams: list[tuple[IO[bytes], Callable[[bytes], None]]] = [
            (self._process.stdout, self._take_output),
            (self._process.stderr, self._take_errors),
        ]
        for stream, take in self._streams:
            os.set_blocking(stream.fileno(), False)
            loop.add_reader(stream.fileno(), partial(self._read, stream, take))

    @property
    def output(self) -> bytes:
        return bytes(self._output)

    @property
    def errors(self) -> str:
        """The last characters of its standard error."""
        return self._errors.decode("utf-8", "replace")

    def end_after(self, seconds: float) -> None:
        """End it if it still runs after so many seconds: SIGTERM, and SIGKILL two seconds later."""
        self._timers.append(self._loop.call_later(seconds, self.end))

    def end(self) -> None:
        """Send SIGTERM to it and its process group, and SIGKILL two seconds later."""
        if not self.has_ended:
            self.signal(signal.SIGTERM)
            self._kill_timers.append(self._loop.call_later(_GRACE_S, self._kill))

    def _kill(self) -> None:
        signal_group(self.pid, signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal to it and its process group."""
        if not self.has_ended:
            signal_group(self.pid, number)

    def abandon(self) -> None:
        """End it, and ignore its output and exit status. It is still reaped."""
        self._on_end = _ignore_exit
        self._on_output = None
        if not self.has_ended:
            self.end()

    def _read(self, stream: IO[bytes], take: Callable[[bytes], None], events: int) -> None:
        with suppress(BlockingIOError):
            block = os.read(stream.fileno(), _BLOCK)
            if block:
                take(block)
            else:
                self._loop.remove_reader(stream.fileno())

    def _take_output(self, block: bytes) -> None:
        if self._on_output is not None:
            self._on_output(block)
        elif len(self._output) < self._keep:
            self._output += block

    def _take_errors(self, block: bytes) -> None:
        self._errors += block
        del self._errors[:-_ERRORS_CHARACTERS]

    def _reap(self, _events: int) -> None:
        for stream, take in self._streams:  # its last output; other processes may hold the pipe open for ever
            with suppress(BlockingIOError, ValueError):
                while block := os.read(stream.fileno(), _BLOCK):
                    take(block)
        code = self._process.wait()
        self._close()
        self._on_end(128 - code if code < 0 else code)

    def _close(self) -> None:
        self.has_ended = True
        for timer in self._timers:
            timer.cancel()
        if not signal_group(self.pid, 0):  # otherwise its own children are left, and must be killed
            for timer in self._kill_timers:
                timer.cancel()
        for stream, _ in self._streams:
            self._loop.remove_reader(stream.fileno())
            stream.close()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)


def _ignore_exit(_exit_code: int) -> None:
    """Takes the exit status of a child that was abandoned."""


def process_identity(pid: int) -> str:
    """Pid and start time of a process: unlike the pid alone, never reused. Empty if there is no process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return f"{pid} {fields[19].decode()}" if fields[0] != b"Z" else ""


def is_alive(child: str) -> bool:
    """Whether the process of this identity still runs."""
    pid = child.partition(" ")[0]
    return pid.isdigit() and process_identity(int(pid)) == child
