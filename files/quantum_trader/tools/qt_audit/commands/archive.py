"""Compress finished months of the record, and remove the oldest months if a retention is set.

The current month is never changed. Each segment is checked first; a faulty one is left as it is.
The archive is read back and compared before the plain file is removed. An entry in
the record says what the retention is whenever it changes, and another one announces each month that
is removed: so `verify` can tell retention from theft. Entries may be written and read meanwhile.
Exit status 1: a segment is faulty.

examples:
  audit_logger.py archive --dry-run
  audit_logger.py archive --after 3 --keep 36
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from qt_audit.record.place import home
from qt_audit.record.reserved import ARCHIVE_SOURCE
from qt_audit.recorder import AuditError, record_own
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import coloured, explain, print_json
from qt_audit.upkeep import archive
from qt_audit.verify.removals import DETAILS_KEY, MONTHS_KEY, RETENTION_KEY, Removal

GROUP = "maintain"
HELP = "compress finished months, and remove the oldest if a retention is set"

_PROGRAM = "audit_logger.py archive"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--after",
        type=_months,
        metavar="MONTHS",
        help="compress months that ended at least MONTHS ago (default: QT_ARCHIVE_AFTER_MONTHS)",
    )
    parser.add_argument(
        "--keep",
        type=_months,
        metavar="MONTHS",
        help="remove months that ended at least MONTHS ago; 0: never (default: QT_ARCHIVE_KEEP_MONTHS)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only print what would be done")
    parser.add_argument("--quiet", action="store_true", help="print nothing if there is nothing to do")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    after = settings["QT_ARCHIVE_AFTER_MONTHS"] if options.after is None else options.after
    keep = settings["QT_ARCHIVE_KEEP_MONTHS"] if options.keep is None else options.keep
    place = home(settings)
    plan, steps = archive.Plan(after, keep, options.dry_run), []
    try:
        for step in archive.archive(place, plan, _announce, _state_retention):
            steps.append(step)
            if not options.json:
                _print(step, plan.dry)
    except FileNotFoundError:
        if os.path.lexists(place.record_path):
            raise
        # No record yet: nothing to archive.
    except (archive.BusyError, AuditError) as error:
        explain(_PROGRAM, str(error))
        return 1
    if options.json:
        print_json({"dry_run": plan.dry, "steps": [step.as_dict() for step in steps]})
    elif not steps and not options.quiet:
        print("✅ Nothing to archive")
    return 1 if any(step.what == archive.FAULTY for step in steps) else 0


def _announce(removal: Removal) -> None:
    """Record a removal before it happens. Raises AuditError, which prevents it, if that is impossible."""
    removed = {
        "segment": removal.segment,
        "first_seq": removal.first_seq,
        "last_seq": removal.last_seq,
        "last_hash": removal.last_hash,
    }
    sentence = (
        f"Audit record: retention removes {removal.segment} (seq {removal.first_seq} to {removal.last_seq})"
    )
    _record_at_home(sentence, {DETAILS_KEY: removed}, f"{removal.segment} is kept")


def _state_retention(months: int) -> None:
    """Tell of a changed retention in the record itself, at home, or let nothing be removed."""
    says = f"keeps {months} months" if months else "is off: every month is kept"
    _record_at_home(
        f"Audit record: retention {says}", {RETENTION_KEY: {MONTHS_KEY: months}}, "nothing is archived"
    )


def _record_at_home(sentence: str, details: dict[str, Any], otherwise: str) -> None:
    receipt = record_own(sentence, ARCHIVE_SOURCE, details)
    if receipt is None or not receipt.place.is_home:
        raise AuditError(f"{otherwise}: the record cannot be written, so a removal would be a gap")


def _print(step: archive.Step, dry: bool) -> None:
    entries = "1 entry" if step.entries == 1 else f"{step.entries} entries"
    if step.what == archive.FAULTY:
        explain(_PROGRAM, f"{step.segment} is left alone: {step.reason}; `audit_logger.py verify` tells more")
    elif step.what == archive.REMOVED:
        print(
            f"🗑️  {'Would remove' if dry else 'Removed'} {step.segment} ({entries}, {step.bytes_before} bytes)"
        )
    elif dry:
        print(f"📦 Would compress {step.segment} ({entries}, {step.bytes_before} bytes)")
    else:
        sizes = f"{entries}, {step.bytes_before} bytes to {step.bytes_after}"
        print(coloured(f"📦 Compressed {step.segment} ({sizes})", "green"))


def _months(text: str) -> int:
    if not text.isdigit() or int(text) > 1200:
        raise argparse.ArgumentTypeError("must be a number of months from 0 to 1200")
    return int(text)
