"""Run a command, and record its start and its end: `started`, then `succeeded` or `failed`.

The exit status is that of the command, even if it cannot be recorded; 128 + N if signal N ended it,
126 if it cannot be executed, 127 if it does not exist. With --required or QT_AUDIT_REQUIRED=1 the
command does not run if its start cannot be recorded; the exit status is then 125. Signals are
passed on to the command.

examples:
  audit_logger.py run -- systemctl restart grafana-server
  audit_logger.py run --message "Nightly backup" --source backup -- /usr/local/bin/backup --all
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
from types import FrameType
from typing import Any

from qt_audit.recorder import AuditError, action
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_details
from qt_audit.terminal.output import explain

GROUP = "record"
HELP = "run a command, and record its start and how it ends"
TOLERATES_WRONG_SETTINGS = True

NOT_RECORDED, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_FROM_KEYS = (signal.SIGINT, signal.SIGQUIT)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        f"{parser.prog} [--message M] [--source S] [--detail KEY=VALUE]… [--required] -- COMMAND [ARG]…"
    )
    parser.add_argument("--message", metavar="M", help="a sentence for people (default: Ran COMMAND)")
    add_details(parser, "audit_run")
    parser.add_argument(
        "--required",
        action="store_true",
        default=None,
        help="do not run the command if its start cannot be recorded",
    )
    parser.add_argument(
        "argv", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments"
    )


def run(options: argparse.Namespace, settings: Settings) -> int:
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        explain(
            "audit_logger.py run", "name the command after --, as in: run -- systemctl restart grafana-server"
        )
        return 2
    act = action(
        options.message or f"Ran {shlex.join(argv)}",
        source=options.source,
        details={"command": shlex.join(argv), **dict(options.detail)},
        required=options.required,
    )
    status = NOT_RECORDED
    with _Signals() as signals:
        try:
            with act:
                status = _status(argv, act, signals)
        except AuditError as error:
            explain("audit_logger.py run", str(error))
    return status


class _Signals:
    """Passes signals on to the command. None ends this process before the command's last entry is written.

    Signals that this process already ignores (nohup, a shell's `&`) stay ignored, here and in the command.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Signals:
        for number in _PASSED_ON:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def send_to(self, child: subprocess.Popen[bytes]) -> None:
        """Send signals to this process from now on, and those that arrived before at once."""
        self._child = child
        while self._waiting:
            child.send_signal(self._waiting.pop())

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if self._child is None:
            self._waiting.append(number)
        elif self._child.returncode is None and not (number in _FROM_KEYS and _in_foreground()):
            self._child.send_signal(number)


def _in_foreground() -> bool:
    """Whether the terminal sends the signals of Ctrl-C and Ctrl-\\ to the command as well."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _status(argv: list[str], act: action, signals: _Signals) -> int:
    """Run the command to its end. Returns its exit status and adds it to the action's details."""
    try:
        # It inherits every descriptor that this process was given; our own are closed on exec.
        child = subprocess.Popen(argv, close_fds=False)
    except OSError as error:
        explain("audit_logger.py run", f"{argv[0]}: {error.strerror}")
        code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    else:
        signals.send_to(child)
        code = child.wait()
    if code < 0:
        name = _signal_name(-code)
        act.detail(signal=name)
        act.fail(f"ended by {name}")
        code = 128 - code
    elif code:
        act.fail(f"exit code {code}")
    act.detail(exit_code=code)
    return code


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"
