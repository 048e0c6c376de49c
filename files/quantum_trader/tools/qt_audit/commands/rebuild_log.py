"""Rewrite status/AUTO_REPAIR_AUDIT.log from the record, after it was lost, damaged or edited.

Without --all it leaves out entries that a rotated log contains, so that each entry is in the log
and its rotated files once. Entries may be written meanwhile. If the old log differs from the record,
it is kept as AUTO_REPAIR_AUDIT.log.replaced (the next one as .replaced.2).

examples:
  audit_logger.py rebuild_log
  audit_logger.py rebuild_log --all
"""

from __future__ import annotations

import argparse

from qt_audit.record.place import home
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import explain, print_json
from qt_audit.upkeep.log_rebuild import UnsettledError, rebuild

GROUP = "maintain"
HELP = "rewrite the log for people from the record"

_PROGRAM = "audit_logger.py rebuild_log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="write all entries, also those that rotated logs contain"
    )
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    place = home(settings)
    try:
        built = rebuild(place, options.all, settings.lock_timeout)
    except FileNotFoundError:
        explain(
            _PROGRAM, f"no record at {place.record_path}: nothing to rebuild the log from; is QT_HOME right?"
        )
        return 1
    except UnsettledError as error:
        explain(_PROGRAM, str(error))
        return 1
    if options.json:
        print_json({"log": place.log_path, "lines": built.lines, "after": built.after, "kept": built.kept})
        return 0
    lines = "1 line" if built.lines == 1 else f"{built.lines} lines"
    behind = f", behind those in {built.after}" if built.after else ""
    print(f"✅ Rebuilt {place.log_path}: {lines}{behind}")
    if built.kept:
        print(f"The log that it replaces said something else; it is kept as {built.kept}")
    return 0
