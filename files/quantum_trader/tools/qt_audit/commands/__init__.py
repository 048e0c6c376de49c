"""The command line: one module a command, found by its name, imported only when it is used.

A module has:

    its docstring        what `COMMAND --help` says; it ends with examples, the first of which is in README
    GROUP                where the overview lists it: a key of GROUPS
    HELP                 one line for the overview
    add_arguments(parser)
    run(options, settings) -> int                the exit status
    TOLERATES_WRONG_SETTINGS = True              only where it goes on with defaults and says so itself

Nothing imports it but the face, audit_logger.py.
"""

from __future__ import annotations

import argparse
import importlib
from types import ModuleType

from qt_audit import discovery
from qt_audit.settings import loading
from qt_audit.settings.env_file import SettingsError
from qt_audit.terminal.output import explain
from qt_audit.terminal.streams import run_command_line

DONE, NO, WRONG_USE = 0, 1, 2
"""Exit status: done; the answer is "no" (a fault found, a delivery failed); wrong use or wrong settings."""

GROUPS = {
    "record": "record what happens",
    "read": "read the record",
    "summarise": "sum up a period",
    "notify": "tell people",
    "prove": "check and prove",
    "maintain": "maintain the record",
}
"""Headings of the overview, in its order."""

_EPILOG = """\
exit status: 0 done · 1 the answer is "no" (a fault was found) · 2 wrong use or wrong settings
             (`run` exits with the status of the command that it ran)

examples:
  audit_logger.py log "Replaced the certificate" --source me --outcome succeeded
  audit_logger.py run -- systemctl restart grafana-server
  audit_logger.py query --since yesterday --outcome failed
  audit_logger.py verify && audit_logger.py doctor

The record is in $QT_HOME/status/record, settings are in $QT_HOME/config/audit.env.
QT_HOME is the directory above the tools/ that you named; set it to use another one.
"""


def names() -> tuple[str, ...]:
    """All commands, sorted; nothing is imported."""
    return discovery.modules(__file__)


def load(name: str) -> ModuleType:
    """The module of a command. Raises ModuleNotFoundError."""
    return importlib.import_module(f"{__name__}.{name}")


class UsageError(Exception):
    """The command line cannot be understood; the message says what to change."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message}; see {self.prog} --help")


def run(arguments: list[str]) -> int:
    """Run one command; an error that a person can cause is one line on stderr, never a traceback."""
    program = "audit_logger.py"
    return run_command_line(program, lambda: _answer(program, arguments))


def _answer(program: str, arguments: list[str]) -> int:
    try:
        return _run(program, arguments)
    except (UsageError, SettingsError) as error:
        explain(program, str(error))
        return WRONG_USE


def _run(program: str, arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview(program))
        return DONE if arguments else WRONG_USE
    name = arguments[0]
    if name not in names():
        raise UsageError(f"unknown command {name!r}; see {program} --help for all of them")
    module = load(name)
    parser = _Parser(
        prog=f"{program} {name}",
        description=(module.__doc__ or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    options = parser.parse_args(arguments[1:])
    settings = loading.current()
    if not getattr(module, "TOLERATES_WRONG_SETTINGS", False):
        loading.strict(settings)
    status: int = module.run(options, settings)
    return status


def _overview(program: str) -> str:
    found = {name: load(name) for name in names()}
    width = max(map(len, found))
    parts = []
    for group, heading in GROUPS.items():
        lines = [f"  {name:<{width}}  {m.HELP}" for name, m in found.items() if group == m.GROUP]
        parts.append("\n".join([f"{heading}:", *lines]))
    return (
        f"usage: {program} COMMAND [OPTION]…\n\nThe audit trail of a server that repairs itself.\n\n"
        + "\n\n".join(parts)
        + f"\n\n`{program} COMMAND --help` tells more.\n\n"
        + _EPILOG
    )
