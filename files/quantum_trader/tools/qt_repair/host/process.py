"""Run a program by its argument list, never by a shell, with limits on its time and its output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from qt_audit.settings import loading as audit_settings
from qt_repair.finding import RepairError

SUDO = ("/usr/bin/sudo", "-n", "--")
_TAIL_BYTES = 1 << 16
"""Bytes of a program's output that are kept: the last ones, which say what went wrong."""
_SHOWN = 4000
"""Characters of the output that are shown."""
_LARGEST = 4 << 20
"""The most bytes of output that are read to be parsed."""
_GRACE_S = 2.0
_PAUSE_S = 0.02


class TimedOutError(RepairError):
    """The program did not end in time."""


class NotFoundError(RepairError):
    """The program does not exist."""


@dataclass(frozen=True)
class Completed:
    """How a program ended. `exit_code` is 128 + n after signal n."""

    exit_code: int
    output: str
    """The end of standard output and standard error together, to be searched. It may hold secrets."""
    duration_s: float

    @property
    def shown_output(self) -> str:
        """The end of the output, to be shown: secrets are redacted."""
        return _redacted_tail(self.output)


def as_root(argv: Sequence[str]) -> list[str]:
    """The argument list that runs it as root: by sudo, which must allow exactly this, unless we are root."""
    return list(argv) if os.geteuid() == 0 else [*SUDO, *argv]


def run(
    argv: Sequence[str],
    timeout: float,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> Completed:
    """Run it to its end. Programs that it leaves in the background are not waited for.

    Raises TimedOutError after `timeout` seconds, NotFoundError, and RepairError if it cannot be started.
    On a timeout its process group is ended. sudo passes SIGTERM on to what it runs as root, but cannot pass
    SIGKILL on: the time limit in sudoers ends what is left.
    """
    code, data, duration = _run(argv, timeout, subprocess.STDOUT, _TAIL_BYTES, env, cwd)
    return Completed(code, _text(data), duration)


def capture(argv: Sequence[str], timeout: float, *, env: Mapping[str, str] | None = None) -> bytes:
    """Run it and return its standard output. Raises RepairError, with its output, unless it ends with 0."""
    _, data, _ = _run(argv, timeout, subprocess.PIPE, _LARGEST, env, None)
    if len(data) >= _LARGEST:
        raise RepairError(f"{_command_name(argv)} printed more than {_LARGEST >> 20} MB")
    return data


def _command_name(argv: Sequence[str]) -> str:
    """The command for people, such as `docker restart`. Its other arguments may hold secrets."""
    words = argv[len(SUDO) :] if tuple(argv[: len(SUDO)]) == SUDO else argv
    verbs = [word for word in words[1:2] if word.isalpha()]
    return " ".join([os.path.basename(words[0]), *verbs])


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").strip()


def _redacted_tail(output: str) -> str:
    """The end of the output, redacted before it is cut: no pattern would match half of a secret."""
    return audit_settings.current().redactor.text(output)[-_SHOWN:]


def _run(
    argv: Sequence[str],
    timeout: float,
    errors: int,
    keep: int,
    env: Mapping[str, str] | None,
    cwd: str | None,
) -> tuple[int, bytes, float]:
    begin = time.monotonic()
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise NotFoundError(f"{argv[0]} is not installed") from None
    except OSError as error:
        raise RepairError(f"{argv[0]} cannot be run: {error.strerror}") from None
    try:
        streams = _read(child, begin + timeout, keep)
        code = child.wait(max(0.1, begin + timeout - time.monotonic()))
    except (subprocess.TimeoutExpired, TimeoutError):
        raise TimedOutError(f"{_command_name(argv)} did not end within {timeout:g} s") from None
    finally:
        _end_group(child)
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()
    code = 128 - code if code < 0 else code
    if errors == subprocess.PIPE and code:
        said = _redacted_tail(_text(b"".join(stream[-_TAIL_BYTES:] for stream in streams))).splitlines()
        raise RepairError(
            f"{_command_name(argv)} ended with {code}" + (f": {said[-1]}" if said else ""),
            code,
            "\n".join(said),
        )
    return code, streams[0], time.monotonic() - begin


def _read(child: subprocess.Popen[bytes], deadline: float, keep: int) -> list[bytes]:
    """The last `keep` bytes of each stream, up to the end of the program.

    Not up to the end of the streams: a program in the background may keep them open for ever.
    """
    streams = [stream for stream in (child.stdout, child.stderr) if stream is not None]
    kept = [bytearray() for _ in streams]
    ended = os.pidfd_open(child.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            for number, stream in enumerate(streams):
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, number)
            over = False
            while not over:
                left = deadline - time.monotonic()
                ready = selector.select(left) if left > 0 else []
                if not ready:
                    raise TimeoutError
                over = any(key.fd == ended for key, _ in ready)
                for key, _ in ready:
                    if key.fd != ended and not _read_available(key.fd, kept[key.data], keep):
                        selector.unregister(key.fileobj)
    finally:
        os.close(ended)
    for stream, tail in zip(streams, kept, strict=True):
        while time.monotonic() < deadline and _read_available(stream.fileno(), tail, keep):
            pass
    return [bytes(tail) for tail in kept]


def _read_available(descriptor: int, tail: bytearray, keep: int) -> bool:
    """Append what a stream has ready to its tail; whether there was anything."""
    try:
        block = os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return False
    tail += block
    del tail[:-keep]
    return bool(block)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End what is left of its process group: SIGTERM, and SIGKILL two seconds later."""
    if child.poll() is not None:
        return
    deadline = time.monotonic() + _GRACE_S
    left = signal_group(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_S)
    while left and time.monotonic() < deadline:  # its own children may outlive it
        time.sleep(_PAUSE_S)
        left = signal_group(child.pid, 0)
    if left:
        signal_group(child.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_S)


def signal_group(group: int, number: int) -> bool:
    """Send a signal (0: none) to a process group; whether it has a process that belongs to us.

    Processes that sudo runs belong to root: sudoers limits their time.
    """
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
