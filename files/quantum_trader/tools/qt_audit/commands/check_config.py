"""Check audit.env, or another file, without using it. It prints no values, because they may be secret.

examples:
  audit_logger.py check_config                      the installation's own config/audit.env
  audit_logger.py check_config audit /tmp/new.env   a file before it is installed
  audit_logger.py check_config --list               every setting, its default and its purpose
"""

from __future__ import annotations

import argparse
import os

from qt_audit.delivery import addresses, operator_rules
from qt_audit.settings.env_file import EnvFile, SettingsError, read_env_file
from qt_audit.settings.loading import Settings, problems, values_from_file
from qt_audit.settings.table import SETTINGS
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import explain, print_json

GROUP = "prove"
HELP = "check audit.env without using it, or list all settings"
TOLERATES_WRONG_SETTINGS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "kind", nargs="?", choices=["audit"], default="audit", help="kind of the file (default: audit)"
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="file to check (default: $QT_HOME/config/audit.env)"
    )
    parser.add_argument("--list", action="store_true", help="list all settings, check nothing")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    if options.list:
        _list(options.json)
        return 0
    path = options.file or settings.env_file
    problems_found = _problems(path, required=options.file is not None)
    if options.json:
        print_json({"file": path, "problems": problems_found})
    elif problems_found:
        for problem in problems_found:
            explain("audit_logger.py check_config", problem)
    else:
        state = "no such file; the defaults are used" if not os.path.exists(path) else "no fault found"
        print(f"✅ {path}: {state}")
    return 2 if problems_found else 0


def _problems(path: str, required: bool) -> list[str]:
    if required and not os.path.exists(path):
        return [f"{path}: no such file"]
    try:
        values = read_env_file(path)
    except SettingsError as error:
        return [str(error)]
    settings = values_from_file(values)
    lines = [*addresses.problems(settings), *operator_rules.problems(settings)]
    return [*problems(values), *(_placed(line, values) for line in lines)]


def _placed(line: str, values: EnvFile) -> str:
    """A problem of a setting, preceded by the file and the line that set it."""
    name = line.split(None, 1)[0]
    return f"{values.where(name) if name in values else values.path}: {line}"


def _list(as_json: bool) -> None:
    if as_json:
        print_json(
            [{"name": s.name, "default": s.default, "secret": s.secret, "help": s.help} for s in SETTINGS]
        )
        return
    for setting in SETTINGS:
        default = f" (default: {setting.default})" if setting.default else ""
        print(f"{setting.name:<24} {setting.help}{default}")
