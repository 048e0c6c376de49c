"""The common part of the commands daily_summary, weekly_summary and monthly_summary."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from qt_audit.delivery.message import SENT
from qt_audit.filing import schedule, summaries
from qt_audit.reading import times
from qt_audit.record import place
from qt_audit.record.entry import now
from qt_audit.record.place import Place
from qt_audit.record.warning import reason
from qt_audit.render.text import render
from qt_audit.settings.loading import Settings
from qt_audit.summary.period import Period, first_instant, period_at, period_containing
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import explain, print_json, print_json_line

_HELP = """\
Summarise {period} (UTC): what happened, what failed, and which actions never ended.

Without options it summarises the present {unit}, so far. The summary is printed, and filed as
text and JSON in status/reports.

cron runs it with --due several times an hour. Each finished {unit} that has no summary yet then
gets one, oldest first, at most 31 days back. If none is due, it prints nothing. The schedule's
progress is in status/reports/ledger.json. If that file is removed, the schedule continues after
the newest summary in status/reports.

examples:
  audit_logger.py {kind}_summary
  audit_logger.py {kind}_summary --date 2026-11-22
  audit_logger.py {kind}_summary --due
"""


def describe(kind: str, unit: str, period: str) -> str:
    """The help of the command for one kind of period: daily, weekly or monthly."""
    return _HELP.format(kind=kind, unit=unit, period=period)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--date", type=_day, metavar="D", help="summarise the period of this day (2026-11-22, yesterday)"
    )
    which.add_argument(
        "--due", action="store_true", help="summarise each finished period that has no summary yet"
    )
    add_json(parser)


def run(kind: str, options: argparse.Namespace, settings: Settings) -> int:
    """Make the summaries of one kind that the options ask for. Returns the exit status."""
    home, present = place.home(settings), now()
    if options.due:
        return _run_due(home, kind, present, settings, options)
    period = period_containing(kind, options.date) if options.date else period_at(kind, present)
    return _run_one(home, period, present, settings.lock_timeout, options)


def _run_due(home: Place, kind: str, present: str, settings: Settings, options: argparse.Namespace) -> int:
    def report_problem(line: str) -> None:
        explain(f"audit_logger.py {kind}_summary", line)

    watched = settings["QT_HEARTBEAT_URL"] if kind == "daily" else ""
    with _heartbeat(home, settings, present, report_problem) if watched else _no_heartbeat() as filed_texts:
        for plain, text in schedule.file_due(home, kind, present, settings.lock_timeout, report_problem):
            filed_texts.append(text)
            if options.json:
                print_json_line(plain)
            else:
                _print(plain["entries"], text)
            sys.stdout.flush()
    return 0


@contextmanager
def _no_heartbeat() -> Iterator[list[str]]:
    yield []


@contextmanager
def _heartbeat(
    home: Place, settings: Settings, present: str, report_problem: Callable[[str], None]
) -> Iterator[list[str]]:
    """A context that pings QT_HEARTBEAT_URL: at the start if a summary is due, then on success or failure.

    The caller appends the text of each filed summary to the list; the last one is sent.
    """
    from qt_audit.delivery import addresses, heartbeat  # imported only where they are used: they load slowly
    from qt_audit.delivery.gathering.summaries import due

    url, filed_texts = addresses.heartbeat(settings), list[str]()
    next_day = due(home).get("daily")

    def ping(event: str, text: str = "") -> None:
        result = heartbeat.ping(url, event, text, settings["QT_DELIVERY_TIMEOUT"])
        if result.state != SENT:
            report_problem(f"QT_HEARTBEAT_URL: {result.says}")

    if next_day is not None and period_at("daily", next_day).finished(present):
        ping(heartbeat.START)
    try:
        yield filed_texts
    except OSError as error:
        ping(heartbeat.FAIL, reason(error))
        raise
    if filed_texts:
        ping(heartbeat.SUCCESS, filed_texts[-1])


def _run_one(home: Place, period: Period, present: str, timeout: float, options: argparse.Namespace) -> int:
    program = f"audit_logger.py {period.kind}_summary"
    gap = summaries.why_not_recorded(home, period) if period.finished(present) else None
    if gap is not None:
        explain(program, f"no record of {period.label} that is whole: {gap}; nothing was filed")
        return 1
    problem: OSError | None = None
    try:
        if period.finished(present):
            schedule.seal(home, period, timeout)
    except OSError as error:
        problem = error
    summary = summaries.make_summary(home, period, present)
    try:
        if problem is None:
            schedule.file_summary(home, summary)
    except OSError as error:
        problem = error
    if options.json:
        print_json(summary.as_dict())
    else:
        _print(summary.entries, render(summary))
    if problem is not None:
        sys.stdout.flush()
        where = f"{problem.filename}: " if problem.filename else ""
        explain(program, f"{where}{problem.strerror or problem}; this summary is not filed")
    return 0 if problem is None else 1


def _print(entries: int, text: str) -> None:
    print(f"📊 Generated summary with {entries} entries\n\n{text}", end="")


def _day(text: str) -> date:
    present = now()
    try:
        day = times.day(text, present)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if first_instant(day) > present:
        raise argparse.ArgumentTypeError(f"{text!r} lies in the future; write a day up to {present[:10]}")
    return day
