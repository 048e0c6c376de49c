"""The command line. Each command is a module of its name, imported only when it is used.

A module has:

    its docstring        the text of `COMMAND --help`; it ends with examples, the first of which is in README
    GROUP                its place in the overview: a key of GROUPS
    HELP                 one line for the overview
    add_arguments(parser)
    run(options, settings) -> int                returns the exit status
    TOLERATES_WRONG_SETTINGS = True              only if it reports wrong settings itself and uses defaults

Only audit_logger.py imports this package.
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
"""Exit statuses: success; the answer is "no" (a fault found, a failed delivery); wrong use or settings."""

GROUPS = {
    "record": "record what happens",
    "read": "read the record",
    "summarise": "summarise a period",
    "notify": "notify people",
    "prove": "check the record and the installation",
    "maintain": "maintain the record",
}
"""Headings of the overview, in order."""

_EPILOG = """\
exit status: 0 success · 1 the answer is "no" (a fault was found) · 2 wrong use or wrong settings
             (`run` exits with the status of the command that it runs)

examples:
  audit_logger.py log "Replaced the certificate" --source me --outcome succeeded
  audit_logger.py run -- systemctl restart grafana-server
  audit_logger.py query --since yesterday --outcome failed
  audit_logger.py verify && audit_logger.py doctor

The record is in $QT_HOME/status/record, the settings are in $QT_HOME/config/audit.env.
By default QT_HOME is the directory that contains tools/audit_logger.py.
"""


def names() -> tuple[str, ...]:
    """The names of all commands, sorted. Imports nothing."""
    return discovery.modules(__file__)


def load(name: str) -> ModuleType:
    """The module of a command. Raises ModuleNotFoundError."""
    return importlib.import_module(f"{__name__}.{name}")


class UsageError(Exception):
    """The command line is wrong. The text says what to change."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message}; see {self.prog} --help")


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status. Errors that a person can cause are one line on stderr."""
    program = "audit_logger.py"
    return run_command_line(program, lambda: _run(program, arguments))


def _run(program: str, arguments: list[str]) -> int:
    try:
        return _run_command(program, arguments)
    except (UsageError, SettingsError) as error:
        explain(program, str(error))
        return WRONG_USE


def _run_command(program: str, arguments: list[str]) -> int:
    """Run one command. Raises UsageError or SettingsError."""
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
    modules = {name: load(name) for name in names()}
    width = max(map(len, modules))
    parts = []
    for group, heading in GROUPS.items():
        lines = [f"  {name:<{width}}  {m.HELP}" for name, m in modules.items() if group == m.GROUP]
        parts.append("\n".join([f"{heading}:", *lines]))
    return (
        f"usage: {program} COMMAND [OPTION]…\n\nThe audit trail of a server that repairs itself.\n\n"
        + "\n\n".join(parts)
        + f"\n\n`{program} COMMAND --help` explains a command and its options.\n\n"
        + _EPILOG
    )
