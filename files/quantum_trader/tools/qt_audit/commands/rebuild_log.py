"""Write status/AUTO_REPAIR_AUDIT.log anew from the record, where it was lost, torn or edited.

Without --all: the entries that no rotated log holds, so that each stands in the log and its
archives once. Entries may be written meanwhile. A log that said anything else than the
record is kept as AUTO_REPAIR_AUDIT.log.replaced (the next one as .replaced.2).

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
HELP = "write the log that people read anew, from the record"

_PROGRAM = "audit_logger.py rebuild_log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="all entries, also those that rotated logs hold")
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
