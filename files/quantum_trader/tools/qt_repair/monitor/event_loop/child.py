"""A program that runs beside the loop: what it says is read as it comes, its end noticed at once."""

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
_ERRORS_KEPT = 4000
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
        """Begin it. Of its output `keep` bytes are kept at most. Raises OSError if it cannot be run."""
        self._loop = loop
        self._on_end = on_end
        self._on_output = on_output
        self._keep = keep
        self._output = bytearray()
        self._errors = bytearray()
        self._timers: list[Timer] = []
        self._must_end: list[Timer] = []
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.over = False
        """Whether it has ended."""
        self._ended = os.pidfd_open(self.pid)
        loop.on(self._ended, self._reap)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._streams: list[tuple[IO[bytes], Callable[[bytes], None]]] = [
            (self._process.stdout, self._said),
            (self._process.stderr, self._complained),
        ]
        for stream, take in self._streams:
            os.set_blocking(stream.fileno(), False)
            loop.on(stream.fileno(), partial(self._read, stream, take))

    @property
    def output(self) -> bytes:
        return bytes(self._output)

    @property
    def errors(self) -> str:
        """The end of what it said on standard error."""
        return self._errors.decode("utf-8", "replace")

    def end_after(self, seconds: float) -> None:
        """End it, should it run so long: SIGTERM, two seconds, SIGKILL."""
        self._timers.append(self._loop.after(seconds, self.end))

    def end(self) -> None:
        """Ask it, and what it started in its session, to end; two seconds later they must."""
        if not self.over:
            self.signal(signal.SIGTERM)
            self._must_end.append(self._loop.after(_GRACE_S, self._kill))

    def _kill(self) -> None:
        signal_group(self.pid, signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send it, and what it started in its session, a signal."""
        if not self.over:
            signal_group(self.pid, number)

    def let_go(self) -> None:
        """Its answer is of no interest any more: it is to end, and will be reaped."""
        self._on_end = _nobody
        self._on_output = None
        if not self.over:
            self.end()

    def _read(self, stream: IO[bytes], take: Callable[[bytes], None], events: int) -> None:
        with suppress(BlockingIOError):
            block = os.read(stream.fileno(), _BLOCK)
            if block:
                take(block)
            else:
                self._loop.off(stream.fileno())

    def _said(self, block: bytes) -> None:
        if self._on_output is not None:
            self._on_output(block)
        elif len(self._output) < self._keep:
            self._output += block

    def _complained(self, block: bytes) -> None:
        self._errors += block
        del self._errors[:-_ERRORS_KEPT]

    def _reap(self, _events: int) -> None:
        for stream, take in self._streams:  # what it said last; others may hold the pipe open for ever
            with suppress(BlockingIOError, ValueError):
                while block := os.read(stream.fileno(), _BLOCK):
                    take(block)
        code = self._process.wait()
        self._close()
        self._on_end(128 - code if code < 0 else code)

    def _close(self) -> None:
        self.over = True
        for timer in self._timers:
            timer.cancel()
        if not signal_group(self.pid, 0):  # else what it started is left, and must end, too
            for timer in self._must_end:
                timer.cancel()
        for stream, _ in self._streams:
            self._loop.off(stream.fileno())
            stream.close()
        self._loop.off(self._ended)
        os.close(self._ended)


def _nobody(_exit_code: int) -> None:
    """Nobody asks how it ended."""


def identity(pid: int) -> str:
    """A process by its number and when it began: unlike the number, never another one's. Empty: none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return f"{pid} {fields[19].decode()}" if fields[0] != b"Z" else ""


def alive(child: str) -> bool:
    """Whether the process of this identity still runs."""
    pid = child.partition(" ")[0]
    return pid.isdigit() and identity(int(pid)) == child
