"""Check the chain of all entries, including archived ones. Print each fault with file, line and seq.

  altered     a line was changed, inserted or moved
  missing     entries were removed: a line, a whole segment, or the beginning without a retention entry;
              or a summary, a message or the log knows of more entries than there are
  torn        a line or an archive is incomplete
  truncated   entries at the end are missing: the head names a later entry than the segment contains

It changes nothing, and entries may be written meanwhile. Exit status 0: no fault; 1: faults were found.

Who can write the whole record can rewrite it with a new chain. A head that left the host earlier shows that:
--head holds the record against one, --heads against all that a text tells of (a mail, a page, a chat export,
in any form in which summaries, mails, pages, `verify` and `stats` print them). Each is said to be

  held        the record still has this line, so nothing before it was changed
  altered     another line has its number
  missing     the record has no entry of this number
  ahead       the record ends before it

and the exit status is 1 unless all are held.

examples:
  audit_logger.py verify
  audit_logger.py verify --json | jq .faults
  audit_logger.py verify --heads mails.mbox
  ssh vps 'audit_logger.py verify --heads -' < chat-export.json
"""

from __future__ import annotations

import argparse
import sys

from qt_audit.record.entry import escaped
from qt_audit.record.place import home
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import coloured, explain, print_json
from qt_audit.verify.chain import Report, verify
from qt_audit.verify.heads import HELD, ToldHead, Verdict, find_heads, judge, parse_head
from qt_audit.verify.snapshot import open_record_directory

GROUP = "prove"
HELP = "check the chain of all entries, and print each fault"

_PROGRAM = "audit_logger.py verify"
_MOST_BYTES = 256 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=_jobs, metavar="N", help="number of processes (default: one per core)")
    parser.add_argument(
        "--head",
        action="append",
        default=[],
        type=_head,
        metavar="SEQ:HASH",
        help="hold the record against this head; repeatable",
    )
    parser.add_argument(
        "--heads", metavar="FILE", help="hold the record against all heads in a text; - for standard input"
    )
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    place = home(settings)
    try:
        heads = [*options.head, *(_heads_in(options.heads) if options.heads else [])]
    except _TextError as error:
        explain(_PROGRAM, str(error))
        return 2
    if options.heads and not heads:
        explain(_PROGRAM, f"{options.heads}: there is no head in it, such as `Head: seq 8, sha256 …`")
        return 1
    show = _percent if sys.stderr.isatty() and not options.json else None
    try:
        report = verify(place, settings.lock_timeout, options.jobs, show)
        with open_record_directory(place) as record:
            verdicts = judge(heads, record, report.first_seq, report.seq)
    except FileNotFoundError:
        says = (
            f"no record at {place.record_path}: none was written yet (`test` does), it was removed,"
            " or QT_HOME must be set to where it is"
        )
        if options.json:
            print_json({"whole": False, "error": says})
        explain(_PROGRAM, says)
        return 1
    finally:
        if show:
            sys.stderr.write("\r\x1b[K")
    if options.json:
        told = {"heads": [verdict.as_dict() for verdict in verdicts]} if heads else {}
        print_json({**report.as_dict(), **told})
    else:
        _print(report)
        _print_heads(verdicts)
    return 0 if report.whole and all(verdict.state == HELD for verdict in verdicts) else 1


def _print(report: Report) -> None:
    """Print the head, notes and faults, and the verdict as the last line."""
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


def _print_heads(verdicts: list[Verdict]) -> None:
    """One line for each head, and how many are held as the last line."""
    for verdict in verdicts:
        sign, colour = ("✅", "green") if verdict.state == HELD else ("❌", "red")
        print(
            coloured(f"{sign} {verdict.state}: {verdict.seq}:{verdict.hash}: {escaped(verdict.text)}", colour)
        )
    held = sum(verdict.state == HELD for verdict in verdicts)
    if len(verdicts) > 1:
        every = held == len(verdicts)
        text = f"{held} of {len(verdicts)} heads held"
        print(coloured(f"✅ {text}" if every else f"❌ {text}", "green" if every else "red"))


class _TextError(Exception):
    """A text with heads cannot be read; the message says why."""


def _heads_in(path: str) -> list[ToldHead]:
    """The heads in a file, or in standard input. Raises _TextError."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES + 1) if sys.stdin is not None else b""
        else:
            with open(path, "rb") as file:
                data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _TextError(f"{path}: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise _TextError(f"{path}: more than {_MOST_BYTES >> 20} MB; give the part of it that tells of heads")
    utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    return find_heads(data.decode("utf-16" if utf16 else "utf-8", "replace"))


def _head(text: str) -> ToldHead:
    try:
        return parse_head(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _percent(done: int, total: int) -> None:
    sys.stderr.write(f"\rverifying {100 * done // max(total, 1)} %")
    sys.stderr.flush()


def _jobs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("must be a number of processes from 1 to 256")
    return int(text)
