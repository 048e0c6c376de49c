"""Make an HTML page about any time span: what needs attention, charts of actions and repairs, and a
comparison with the time before.

Without options it reports the present month, so far. The page is one file without scripts, and needs
no network. It is filed in status/reports, where index.html lists all pages. With --out it is written
to another file instead; - is standard output.

A time T is 2026-11-23, "2026-11-23 10:00" (UTC), 2026-11-23T10:00:00+01:00, today, yesterday,
now, or 90m, 2h, 3d, 1w (minutes, hours, days, weeks ago). If --to is a day, that day is included;
the default is now. Without --from the report begins with the month of --to.

examples:
  audit_logger.py report
  audit_logger.py report --from 2026-11-16 --to 2026-11-22
  audit_logger.py report --from 3d --out /tmp/three-days.html
"""

from __future__ import annotations

import argparse
import os
import stat
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from qt_audit.commands import UsageError
from qt_audit.filing.pages import file_page
from qt_audit.filing.reports import make_report, without_days_before_record
from qt_audit.filing.schedule import LOCK_TIMEOUT
from qt_audit.reading import times
from qt_audit.record import place
from qt_audit.record.entry import escaped, now
from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.render.html import page
from qt_audit.render.templating import RenderError
from qt_audit.report.contents import Report
from qt_audit.report.span import span
from qt_audit.settings.loading import Settings
from qt_audit.summary.period import Period, first_instant, period_at
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import explain, print_json

GROUP = "summarise"
HELP = "make an HTML page about any time span"

_DAY = timedelta(days=1)
_PROGRAM = "audit_logger.py report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="since", type=_since, metavar="T", help="beginning of the time span")
    parser.add_argument(
        "--to", dest="until", type=_until, metavar="T", help="end of the time span (default: now)"
    )
    parser.add_argument("--out", metavar="FILE", help="write the page to FILE instead of status/reports")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    if options.out == "":
        raise UsageError("--out is empty; write the name of a file, or - for standard output")
    home, present = place.home(settings), now()
    report = make_report(
        home, without_days_before_record(home, chosen(options.since, options.until, present)), present
    )
    try:
        path = _file(home, report) if options.out is None else _write(options.out, page(report))
    except RenderError as error:
        explain(_PROGRAM, str(error))
        return 1
    if options.json and path:
        print_json(as_dict(report, path))
    elif path:
        print(f"✅ Report written: {escaped(path)}\n{escaped(report.verdict.says)}")
    return 0


def chosen(since: str | None, until: str | None, present: str) -> Period:
    """The period that the options ask for. Raises UsageError if it is empty or lies in the future."""
    if since is None and until is None:
        return period_at("monthly", present)
    tomorrow = first_instant(date.fromisoformat(present[:10]) + _DAY)
    end = present if until is None else until
    begin = since
    if begin is None:
        begin = period_at(
            "monthly", f"{date.fromisoformat(end[:10]) - _DAY}" if end.endswith("T00:00:00.000000Z") else end
        ).since
    if begin > present:
        raise UsageError(f"--from {begin[:16]} lies in the future; write a time up to {present[:16]}")
    if begin >= end:
        raise UsageError(
            f"--from {begin[:16]} is not before --to {end[:16]}; write an earlier --from, or a later --to"
        )
    period = span(begin, end)
    return period if period.kind != "report" or end <= tomorrow else span(begin, tomorrow)


def as_dict(report: Report, path: str) -> dict[str, Any]:
    """The report as plain data for JSON: its figures, and those of the time before."""
    summary = report.summary.as_dict()
    plain = {
        key: summary[key]
        for key in ("period", "as_of", "complete", "by_outcome", "by_source", "head", "unreadable")
    }
    return {
        "path": path,
        **plain,
        "verdict": asdict(report.verdict),
        "figures": asdict(report.figures),
        "before": None if report.before is None else asdict(report.before),
        "sources": [asdict(row) for row in report.sources],
        "failed": report.summary.failed.count,
        "never_ended": report.summary.never_ended.count,
        "still_broken": [item.thing for item in report.still_broken],
        "chain": report.chain,
    }


def _file(home: Place, report: Report) -> str:
    """File the page in status/reports. Returns its path."""
    with StateDirectory(home, LOCK_TIMEOUT) as reports:
        return file_page(reports, report)


def _write(path: str, text: str) -> str:
    """Write the page, whole or not at all. Returns its path, empty for standard output. Raises OSError."""
    data = text.encode("utf-8")
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return ""
    try:
        special = not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        special = False
    if special:  # a pipe or a device; for a directory open() raises
        with open(path, "wb") as file:
            file.write(data)
        return path
    path = os.path.realpath(path)
    temporary = f"{path}.{os.getpid()}.new"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise OSError(error.errno, error.strerror, path) from None
    return path


def _since(text: str) -> str:
    return _moment(text, days=0)


def _until(text: str) -> str:
    return _moment(text, days=1)


def _moment(text: str, days: int) -> str:
    """Parse a time. A day means its beginning, or that of the day `days` later."""
    present = now()
    try:
        day = times.day(text, present)
    except ValueError:
        day = None
    try:
        return times.moment(text, present) if day is None else first_instant(day + days * _DAY)
    except (ValueError, OverflowError) as error:
        says = str(error) if isinstance(error, ValueError) else f"{text!r} is behind the calendar's end"
        raise argparse.ArgumentTypeError(says) from None
