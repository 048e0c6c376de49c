"""The command line: one module a command, found by its name, imported only when it is used.

A command module has `add_arguments(parser)` and `run(options, settings) -> int`; its docstring is its help.
"""

from __future__ import annotations

import argparse
import importlib

from qt_audit.settings import loading as settings_module
from qt_audit.settings.env_file import SettingsError
from qt_audit.settings.loading import Settings
from qt_audit.terminal.output import explain
from qt_audit.terminal.streams import answering

DONE, NO, WRONG_USE = 0, 1, 2
"""Exit status: done; the answer is "no" (a fault found, a delivery failed); wrong use or wrong settings."""

COMMANDS = {
    "test": "write one test entry, to see that the trail works",
    "log": "record a message, or every line of standard input",
    "run": "run a command and record when it begins and how it ends",
    "stats": "how many entries there are, the first and last of them, the head",
    "query": "find entries by time, source, outcome or text",
    "tail": "show the last entries, and with -f those that follow",
    "daily_summary": "what happened on a day (today so far, a past day, or each that is due)",
    "weekly_summary": "the same for a week, Monday to Sunday",
    "monthly_summary": "the same for a month",
    "report": "the same for any time, as a page to look at (HTML, one file)",
    "deliver": "send what waits: alerts and summaries; or show what waits (--status, --list)",
    "notify_test": "send a test message to each channel and say what came back",
    "verify": "check the chain of all entries, and name each fault",
    "archive": "compress finished months, and remove the oldest where a retention is set",
    "rebuild_log": "write the log that people read anew, from the record",
    "adopt": "take the log of the first, hand-made version into the record",
    "check_config": "check audit.env without using it, or list all settings",
    "doctor": "is everything in place? one line each",
}
_TOLERANT = ("log", "run", "check_config", "doctor", "deliver", "notify_test")
"""Commands that go on with defaults where a setting is wrong, and say so themselves."""
_MODULES = {"daily_summary": "summary", "weekly_summary": "summary", "monthly_summary": "summary"}

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


class UsageError(Exception):
    """The command line cannot be understood; the message says what to change."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message}; see {self.prog} --help")


def run(arguments: list[str]) -> int:
    """Run one command; an error that a person can cause is one line on stderr, never a traceback."""
    program = "audit_logger.py"
    return answering(program, lambda: _answer(program, arguments))


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
    if name not in COMMANDS:
        raise UsageError(f"unknown command {name!r}; see {program} --help for all of them")
    module = importlib.import_module(f"qt_audit.commands.{_MODULES.get(name, name)}")
    parser = _Parser(
        prog=f"{program} {name}",
        description=(module.__doc__ or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=name)
    module.add_arguments(parser)
    options = parser.parse_args(arguments[1:])
    status: int = module.run(options, _settings(name))
    return status


def _settings(name: str) -> Settings:
    """The settings; commands that record something go on with defaults, the others want them whole."""
    loaded = settings_module.current()
    return loaded if name in _TOLERANT else settings_module.strict(loaded)


def _overview(program: str) -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {says}" for name, says in COMMANDS.items()]
    return (
        f"usage: {program} COMMAND [OPTION]…\n\nThe audit trail of a server that repairs itself.\n\n"
        "commands:\n" + "\n".join(lines) + f"\n\n`{program} COMMAND --help` tells more.\n\n" + _EPILOG
    )
