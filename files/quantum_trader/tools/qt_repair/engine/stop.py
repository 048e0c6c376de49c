"""Stop in an orderly way: the first SIGTERM or SIGHUP raises Stopped, and those after it are ignored."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

EXIT_STATUS = 128 + signal.SIGTERM
"""The exit status of a program that was stopped."""


class Stopped(BaseException):
    """The program must stop. A repair that is under way still records its closing entry."""


def stop_on_signals(consequence: str) -> None:
    """From now on, raise Stopped when SIGTERM or SIGHUP comes. `consequence` ends its text.

    Only once: recording the closing entry must not be interrupted as well.
    """

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        raise Stopped(f"stopped by {signal.Signals(number).name}; {consequence}")

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
