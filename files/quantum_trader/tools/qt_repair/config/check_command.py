"""The command check_config of each program: check the configuration, or show where each value comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping

from qt_audit.settings import loading as audit_settings
from qt_audit.terminal.output import coloured, explain, print_json
from qt_repair.config.files import ConfigError
from qt_repair.config.loading import DEFAULT, Config, load
from qt_repair.config.program import Program
from qt_repair.config.reference import reference

NAME = "check_config"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], program: Program) -> None:
    """Add the command for the program whose configuration it checks."""
    files = f"config/{program.name}.yml with all drop-ins of config/{program.name}.d/"
    parser = commands.add_parser(
        NAME,
        help="check the configuration, or explain where each value comes from",
        description=f"Check {files}. Changes nothing.",
        allow_abbrev=False,
    )
    parser.add_argument("--explain", action="store_true", help="show each value and the file it comes from")
    parser.add_argument(
        "--json", action="store_true", help="print the whole configuration as JSON, secrets included"
    )
    parser.add_argument(
        "--replace",
        action="append",
        type=_replacement,
        default=[],
        metavar="NAME=FILE",
        help="read FILE instead of the drop-in NAME: checks a file before it is installed",
    )
    parser.add_argument(
        "--reference", action="store_true", help="print the meaning of every key, in Markdown"
    )


def _replacement(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not equals or not name or not path or "/" in name:
        raise argparse.ArgumentTypeError("must be NAME=FILE, as in 50-ansible.yml=/tmp/candidate.yml")
    return name, path


def run(program: Program, home: str, options: argparse.Namespace) -> int:
    """Check the configuration, and print what the options ask for. Raises ConfigError."""
    if options.reference:
        print(reference(program), end="")
        return 0
    replace: Mapping[str, str] = dict(options.replace)
    config = load(program, home, replace)
    if options.json:
        print_json(config.value)
    elif options.explain:
        _explain(config)
    else:
        print(coloured(f"✅ {home}/config/{program.name}.yml and its drop-ins: no fault found", "green"))
    return 0


def _explain(config: Config) -> None:
    """Print a line for each value, secrets redacted, with the file that it comes from in a second column."""
    redact = audit_settings.current().redactor
    rows = []
    for path, value, origin in config.explained():
        plain = redact.details({path.rpartition(".")[2]: value})
        rows.append((f"{path} = {json.dumps(*plain.values(), ensure_ascii=False)}", origin))
    width = min(max((len(text) for text, _ in rows), default=0), 72)
    for text, origin in rows:
        print(f"{text:<{width}}  {coloured(origin, 'grey' if origin == DEFAULT else 'blue')}")


def print_faults(program: str, error: ConfigError) -> int:
    """Print a line on stderr for each fault; the exit status of wrong settings."""
    for line in error.lines:
        explain(program, line)
    return 2
