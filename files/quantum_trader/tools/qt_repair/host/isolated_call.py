"""Call a function in a child process with a time limit: a hang or a crash does not stop the caller."""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NoReturn, TypeVar

_Result = TypeVar("_Result")
_PR_SET_PDEATHSIG = 1
_GRACE_S = 5.0
"""How long the process may take to end the programs that it runs before it is killed."""


class IsolatedCallError(Exception):
    """There is no result. The text says why; it continues a sentence that begins with what was called."""


class ReportedError(Exception):
    """The function raised one of the `reported` exceptions; the text is the same."""


def call_isolated(
    function: Callable[[], _Result], timeout: float, reported: tuple[type[Exception], ...] = ()
) -> _Result:
    """The function's result, which must be picklable. The function itself is inherited by the fork.

    Raises ReportedError, with the same text, if it raises one of the `reported` exceptions, and
    IsolatedCallError if it crashes or does not end within `timeout` seconds. Its process has ended when this
    returns.
    """
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_run_in_child, args=(sender, function, timeout, reported, os.getpid()))
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout):
            raise IsolatedCallError(f"did not end within {timeout:g} s and was stopped")
        kind, answer = receiver.recv()
        process.join(_GRACE_S)
    except EOFError:
        process.join(_GRACE_S)
        raise IsolatedCallError(f"crashed ({_exit_text(process.exitcode)})") from None
    finally:
        _end(process)
        receiver.close()
    if kind == "told":
        raise ReportedError(answer)
    if kind == "raised":
        raise IsolatedCallError(f"crashed ({answer})")
    result: _Result = answer
    return result


def _run_in_child(
    out: Connection,
    function: Callable[[], Any],
    timeout: float,
    reported: tuple[type[Exception], ...],
    parent: int,
) -> None:
    """The child: it has a session of its own, and ends when its parent is gone."""
    os.setsid()
    signal.signal(signal.SIGTERM, _stop)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return  # the parent was gone before prctl
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(timeout + _GRACE_S))
    try:
        message: tuple[str, Any] = ("answer", function())
    except reported as error:
        message = ("told", str(error))
    except Exception as error:
        message = ("raised", f"{type(error).__name__}: {error}"[:500])
    out.send(message)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)  # so that the function ends the programs that it runs


def _exit_text(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit status {code}"


def _end(process: BaseProcess) -> None:
    """End the process and whatever is left of its session."""
    pid = process.pid
    assert pid is not None
    if process.is_alive():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        process.join(_GRACE_S)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    process.join()
