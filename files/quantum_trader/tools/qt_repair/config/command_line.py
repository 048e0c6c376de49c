"""What the command lines of the three programs share: exit statuses, the parser, and check_config."""

from __future__ import annotations

import argparse

from qt_audit.settings import loading as audit_settings
from qt_repair.config import check_command
from qt_repair.config.files import ConfigError
from qt_repair.config.program import Program

DONE, NO, WRONG_USE = 0, 1, 2
"""Exit statuses: done; the answer is "no"; wrong use or wrong settings."""
CHECK_CONFIG = check_command.NAME
Commands = argparse._SubParsersAction


def program_parser(name: str, description: str | None, epilog: str) -> argparse.ArgumentParser:
    """The parser of a program. Its description and epilog are printed as they are written."""
    return argparse.ArgumentParser(
        prog=name,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_commands(parser: argparse.ArgumentParser) -> Commands[argparse.ArgumentParser]:
    """The subcommands of a program; without one `command` is None."""
    return parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")


def check_config(name: str, program: Program, options: argparse.Namespace) -> int:
    """Run check_config for a program; `name` begins each line on stderr. The exit status."""
    try:
        return check_command.run(program, audit_settings.current().home, options)
    except ConfigError as error:
        return check_command.print_faults(name, error)
