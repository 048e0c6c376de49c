"""Take the log of the first, hand-made version into the record: as its first entries, in order, once.

Without FILE: status/AUTO_REPAIR_AUDIT.log, which is kept as AUTO_REPAIR_AUDIT.log.before-adoption.
Each line becomes an entry with the line's own time, marked as imported; what is no entry is kept with the
one above it. It must be done before the record has entries of its own. Cut off, it goes on where it was;
done again, it changes nothing. Rotated pieces are named oldest first; .gz ones are read as they are.

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
HELP = "take the log of the first, hand-made version into the record"

_PROGRAM = "audit_logger.py adopt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="the old log, or its pieces, oldest first")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    place = home(settings)

    def begin(present: str) -> None:
        schedule.begin_at(place, present)

    try:
        files = options.files or default_files(place)
        if not files:
            return _say(options.json, 0, [], "Nothing to adopt: there is no log of the version before")
        done = adopt(place, files, settings.redactor, user_name(), settings.lock_timeout, _progress, begin)
    except AdoptionError as error:
        explain(_PROGRAM, str(error))
        return 1
    except ArchiveError:
        explain(_PROGRAM, "a .gz file is damaged: unpack what can be had of it, and name that")
        return 1
    words = "1 entry" if done.count == 1 else f"{done.count} entries"
    if done.already:
        return _say(options.json, 0, done.files, f"Nothing to do: its {words} were adopted before")
    return _say(options.json, done.count, done.files, f"Adopted {words} of {', '.join(done.files)}")


def _progress(count: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{count} entries", end="", file=sys.stderr, flush=True)


def _say(as_json: bool, count: int, files: tuple[str, ...] | list[str], text: str) -> int:
    if as_json:
        print_json({"adopted": count, "files": list(files)})
    else:
        print(f"✅ {text}")
    return 0
