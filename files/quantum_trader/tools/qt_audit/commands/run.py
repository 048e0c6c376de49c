"""Run a command and record it: `started` before it begins, `succeeded` or `failed` when it has ended.

Exits with the command's own status, whatever happens to the audit (128 + N if signal N
ended it, 126 if it cannot be run, 127 if there is no such command). With --required or
QT_AUDIT_REQUIRED=1 it is not run at all if that cannot be recorded: status 125.
Signals are passed on to the command.

examples:
  audit_logger.py run -- systemctl restart grafana-server
  audit_logger.py run --message "Nightly backup" --source backup -- /usr/local/bin/backup --all
"""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
from types import FrameType

from qt_audit.commands.log import add_details
from qt_audit.commands.output import explain
from qt_audit.recorder import AuditError, action
from qt_audit.settings import Settings

NOT_RECORDED, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = f"{parser.prog} [--message M] [--source S] [--detail KEY=VALUE]… [--required] -- COMMAND [ARG]…"
    parser.add_argument("--message", metavar="M", help="the sentence that people read (default: Ran COMMAND)")
    add_details(parser, "audit_run")
    parser.add_argument("--required", action="store_true", default=None, help="do not run what cannot be recorded")
    parser.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")


def run(options: argparse.Namespace, settings: Settings) -> int:
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        explain("audit_logger.py run", "name the command after --, as in: run -- systemctl restart grafana-server")
        return 2
    act = action(
        options.message or f"Ran {shlex.join(argv)}",
        source=options.source,
        details={"command": shlex.join(argv), **dict(options.detail)},
        required=options.required,
    )
    status = NOT_RECORDED
    try:
        with act:
            status = _status(argv, act)
    except AuditError as error:
        explain("audit_logger.py run", str(error))
    return status


def _status(argv: list[str], act: action) -> int:
    """Run the command to its end; the exit status, noted in the action's details."""
    child: subprocess.Popen[bytes] | None = None
    waiting: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if child is None:
            waiting.append(number)
        elif child.poll() is None:
            child.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        child = subprocess.Popen(argv)
        for number in waiting:
            child.send_signal(number)
        code = child.wait()
    except OSError as error:
        explain("audit_logger.py run", f"{argv[0]}: {error.strerror}")
        code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code < 0:
        act.detail(signal=signal.Signals(-code).name)
        act.fail(f"ended by {signal.Signals(-code).name}")
        code = 128 - code
    elif code:
        act.fail(f"exit code {code}")
    act.detail(exit_code=code)
    return code
