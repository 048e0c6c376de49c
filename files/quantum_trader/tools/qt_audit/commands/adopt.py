"""Import the log of the first, hand-made version as the first entries of the record.

Each line becomes an entry with the line's own time, marked as imported. A line that is not an
entry is added to the entry above it. Run it before the record has entries of its own. If it is
interrupted, run it again: it continues where it stopped. Once it is complete, running it again
changes nothing.

Without FILE it imports status/AUTO_REPAIR_AUDIT.log, and keeps that file as
AUTO_REPAIR_AUDIT.log.before-adoption. Name rotated files oldest first; .gz files are read too.

examples:
  audit_logger.py adopt
  audit_logger.py adopt old/AUTO_REPAIR_AUDIT.log.2.gz old/AUTO_REPAIR_AUDIT.log.1 old/AUTO_REPAIR_AUDIT.log
"""

from __future__ import annotations

import argparse
import sys

from qt_audit.filing import schedule
from qt_audit.record.archive_error import ArchiveError
from qt_audit.record.place import home
from qt_audit.recorder import user_name
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import explain, print_json
from qt_audit.upkeep.adoption import AdoptionError, adopt, default_files

GROUP = "maintain"
HELP = "import the log of the first, hand-made version into the record"

_PROGRAM = "audit_logger.py adopt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="the old log, or its rotated files, oldest first"
    )
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    place = home(settings)

    def begin(present: str) -> None:
        schedule.begin_at(place, present)

    try:
        files = options.files or default_files(place)
        if not files:
            return _print(options.json, 0, [], "Nothing to adopt: there is no log of the version before")
        result = adopt(place, files, settings.redactor, user_name(), settings.lock_timeout, _progress, begin)
    except AdoptionError as error:
        explain(_PROGRAM, str(error))
        return 1
    except ArchiveError:
        explain(_PROGRAM, "a .gz file is damaged: unpack what can be had of it, and name that")
        return 1
    words = "1 entry" if result.count == 1 else f"{result.count} entries"
    if result.already:
        return _print(options.json, 0, result.files, f"Nothing to do: its {words} were adopted before")
    return _print(options.json, result.count, result.files, f"Adopted {words} of {', '.join(result.files)}")


def _progress(count: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{count} entries", end="", file=sys.stderr, flush=True)


def _print(as_json: bool, count: int, files: tuple[str, ...] | list[str], text: str) -> int:
    if as_json:
        print_json({"adopted": count, "files": list(files)})
    else:
        print(f"✅ {text}")
    return 0
