"""Keep a command working when its outputs are closed, full or not read."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper

from qt_audit.record.warning import reason
from qt_audit.terminal.output import discard, explain

_SUCCEEDED, _FAILED = 0, 1


def run_command_line(program: str, command: Callable[[], int]) -> int:
    """Run `command` and return its exit status. Errors that an operator can cause are one line on stderr."""
    _prepare_outputs()
    try:
        status = command()
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        discard(sys.stdout)  # the reader has ended, as in `query | head`
        return _SUCCEEDED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except ModuleNotFoundError as error:
        explain(program, f"Python module {error.name} is missing; `audit_logger.py doctor` names its package")
        return _FAILED
    except OSError as error:
        explain(program, reason(error))
        discard(sys.stdout)
        return _FAILED


def print_now(*lines: str) -> None:
    """Print and flush lines. If stdout cannot be written, later output is discarded and the work goes on."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except OSError:
        discard(sys.stdout)


def _prepare_outputs() -> None:
    """Set both outputs to UTF-8, whatever the locale, and replace a closed one by /dev/null."""
    sys.stdout, sys.stderr = sys.stdout or _null(), sys.stderr or _null()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _null() -> TextIOWrapper:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
