"""Check the chain of all entries, archived ones too, and name each fault with its file, line and `seq`.

  altered     a line was changed, put in or moved
  missing     entries are gone: a line, a whole segment, or the beginning without a retention entry;
              or a summary, a message or the log knows of more entries than there are
  torn        a line or an archive ends half way
  truncated   the end is gone: the head knows of acknowledged entries that the segment lacks

Changes nothing, and may run while entries are written. Exit status 0: whole; 1: a fault.

examples:
  audit_logger.py verify
  audit_logger.py verify --json | jq .faults
"""

from __future__ import annotations

import argparse
import sys

from qt_audit.record.place import home
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import coloured, explain, print_json
from qt_audit.verify.chain import Report, verify

GROUP = "prove"
HELP = "check the chain of all entries, and name each fault"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=_jobs, metavar="N", help="processes to use (default: one a core)")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    place = home(settings)
    show = _percent if sys.stderr.isatty() and not options.json else None
    try:
        report = verify(place, settings.lock_timeout, options.jobs, show)
    except FileNotFoundError:
        says = (
            f"no record at {place.record_path}: none was written yet (`test` does), it was removed,"
            " or QT_HOME must be set to where it is"
        )
        if options.json:
            print_json({"whole": False, "error": says})
        explain("audit_logger.py verify", says)
        return 1
    finally:
        if show:
            sys.stderr.write("\r\x1b[K")
    if options.json:
        print_json(report.as_dict())
    else:
        _print(report)
    return 0 if report.whole else 1


def _print(report: Report) -> None:
    """The head and the faults first, the verdict as the last line."""
    print(f"Head: seq {report.seq}, sha256 {report.hash or 'not known'}")
    for note in report.notes:
        print(f"Note: {note}")
    for fault in report.faults:
        print(coloured(f"❌ {fault}", "red"))
    if report.more_faults:
        print(coloured(f"❌ and {report.more_faults} faults more", "red"))
    places = "1 segment" if report.segments == 1 else f"{report.segments} segments"
    entries = "1 entry" if report.entries == 1 else f"{report.entries} entries"
    if report.faults:
        count = len(report.faults) + report.more_faults
        faults = "1 fault" if count == 1 else f"{count} faults"
        print("Edit and delete nothing: copy the status directory away first, it is the evidence.")
        print(coloured(f"❌ {faults} in {places} ({entries} read)", "red"))
    elif report.entries:
        print(
            coloured(
                f"✅ Record whole: {entries} (seq {report.first_seq} to {report.seq}) in {places}", "green"
            )
        )
    else:
        print("✅ Record whole: no entry yet")


def _percent(done: int, total: int) -> None:
    sys.stderr.write(f"\rverifying {100 * done // max(total, 1)} %")
    sys.stderr.flush()


def _jobs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("must be a number of processes from 1 to 256")
    return int(text)
