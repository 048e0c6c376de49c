"""The outputs of a command line: closed, full or not read, they change nothing of what is done."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper

from qt_audit.record.warning import reason
from qt_audit.terminal.output import discard, explain

_DONE, _NO = 0, 1


def run_command_line(program: str, answer: Callable[[], int]) -> int:
    """Run a command line to its exit status; what an operator can cause is one line, never a traceback."""
    _prepare()
    try:
        status = answer()
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        discard(sys.stdout)  # the reader has gone, as in `query | head`: that is its right
        return _DONE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except ModuleNotFoundError as error:
        explain(program, f"Python module {error.name} is missing; `audit_logger.py doctor` names its package")
        return _NO
    except OSError as error:
        explain(program, reason(error))
        discard(sys.stdout)
        return _NO


def print_now(*lines: str) -> None:
    """Print at once; where it cannot be written, what is being done goes on without."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except OSError:
        discard(sys.stdout)


def _prepare() -> None:
    """UTF-8 whatever the locale; where the caller closed an output, one that leads nowhere."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _nowhere() -> TextIOWrapper:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
