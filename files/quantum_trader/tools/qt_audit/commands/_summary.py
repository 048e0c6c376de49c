"""What the commands daily_summary, weekly_summary and monthly_summary have in common."""

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
Summarise {period}, in UTC: what happened, what failed, what never ended.

Without options: the present one, so far. Text and JSON are filed in status/reports.

--due is what the schedule calls, several times an hour: each finished period that has no
summary yet gets one, oldest first, also after days switched off (at most 31 back). It is
silent when none is due. The ledger of it is status/reports/ledger.json; if it is removed, the
schedule goes on behind the newest summary that it has filed.

examples:
  audit_logger.py {kind}_summary
  audit_logger.py {kind}_summary --date 2026-11-22
  audit_logger.py {kind}_summary --due
"""


def describe(kind: str, period: str) -> str:
    """The help of the command for one kind of period: daily, weekly or monthly."""
    return _HELP.format(kind=kind, period=period)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--date", type=_day, metavar="D", help="the one that holds this day (2026-11-22, yesterday)"
    )
    which.add_argument("--due", action="store_true", help="each finished one that has no summary yet")
    add_json(parser)


def run(kind: str, options: argparse.Namespace, settings: Settings) -> int:
    """Make the summaries of one kind that the options ask for; the exit status."""
    home, present = place.home(settings), now()
    if options.due:
        return _run_due(home, kind, present, settings, options)
    period = period_containing(kind, options.date) if options.date else period_at(kind, present)
    return _run_one(home, period, present, settings.lock_timeout, options)


def _run_due(home: Place, kind: str, present: str, settings: Settings, options: argparse.Namespace) -> int:
    def say(line: str) -> None:
        explain(f"audit_logger.py {kind}_summary", line)

    watched = settings["QT_HEARTBEAT_URL"] if kind == "daily" else ""
    with _heartbeat(home, settings, present, say) if watched else _nobody() as made:
        for plain, text in schedule.file_due(home, kind, present, settings.lock_timeout, say):
            made.append(text)
            if options.json:
                print_json_line(plain)
            else:
                _print(plain["entries"], text)
            sys.stdout.flush()
    return 0


@contextmanager
def _nobody() -> Iterator[list[str]]:
    yield []


@contextmanager
def _heartbeat(
    home: Place, settings: Settings, present: str, say: Callable[[str], None]
) -> Iterator[list[str]]:
    """Tell somebody outside that a summary is made, was made (its text goes into the list), or was not."""
    from qt_audit.delivery import addresses, heartbeat
    from qt_audit.delivery.gathering.summaries import due  # few ask for it, and it slows a start

    url, made = addresses.heartbeat(settings), list[str]()
    next_day = due(home).get("daily")

    def ping(event: str, text: str = "") -> None:
        answer = heartbeat.ping(url, event, text, settings["QT_DELIVERY_TIMEOUT"])
        if answer.state != SENT:
            say(f"QT_HEARTBEAT_URL: {answer.says}")

    if next_day is not None and period_at("daily", next_day).finished(present):
        ping(heartbeat.START)
    try:
        yield made
    except OSError as error:
        ping(heartbeat.FAIL, reason(error))
        raise
    if made:
        ping(heartbeat.SUCCESS, made[-1])


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
