"""Find entries and print them, oldest first: one line each, or with --json one JSON object each.

An entry must match all options. If --source or --outcome is repeated, it must match one of the
values. The exit status is 0 even if no entry matches.

A time T is 2026-11-23, "2026-11-23 10:00" (UTC), 2026-11-23T10:00:00+01:00, today, yesterday,
now, or 90m, 2h, 3d, 1w (minutes, hours, days, weeks ago).

examples:
  audit_logger.py query --since yesterday --outcome failed
  audit_logger.py query --since 2026-11-01 --until 2026-12-01 --source weekly_self_heal --json
  audit_logger.py query --grep 'grafana|postgres' --limit 20
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from itertools import islice

from qt_audit.reading import times
from qt_audit.reading.history import History
from qt_audit.reading.window import BEGINNING, END
from qt_audit.record import place
from qt_audit.record.entry import OUTCOMES, Entry, now
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import explain, print_entry

GROUP = "read"
HELP = "find entries by time, source, outcome or text"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", type=parse_moment, metavar="T", help="entries from this time on")
    parser.add_argument("--until", type=parse_moment, metavar="T", help="entries before this time")
    parser.add_argument(
        "--source", action="append", default=[], metavar="S", help="entries of this program; repeatable"
    )
    parser.add_argument(
        "--outcome",
        action="append",
        default=[],
        choices=OUTCOMES,
        metavar="O",
        help=f"entries with this outcome: {', '.join(OUTCOMES)}; repeatable",
    )
    parser.add_argument("--run", default=None, metavar="ID", help="entries of the action with this run id")
    parser.add_argument(
        "--grep",
        type=_pattern,
        default=None,
        metavar="RE",
        help="entries whose action or details match this regular expression, in upper or lower case",
    )
    parser.add_argument(
        "--limit", type=_at_least_one, default=None, metavar="N", help="only the first N entries"
    )
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    history = History(place.home(settings))
    count = 0
    for entry in islice(matching(history, options), options.limit):
        print_entry(entry, options.json)
        count += 1
    if not count and sys.stderr.isatty():
        explain("audit_logger.py query", "no entry matches")
    if history.skipped:
        explain("audit_logger.py query", f"{history.skipped} lines are no entries; `verify` names them")
    return 0


def matching(history: History, options: argparse.Namespace) -> Iterator[Entry]:
    """The entries that match the options, oldest first."""
    sources, outcomes = set(options.source), set(options.outcome)
    for entry in history.window(options.since or BEGINNING, options.until or END, _wanted(options)):
        if (
            (not sources or entry.source in sources)
            and (not outcomes or entry.outcome in outcomes)
            and (options.run is None or entry.run == options.run)
            and (options.grep is None or _contains(entry, options.grep))
        ):
            yield entry


def _wanted(options: argparse.Namespace) -> Callable[[bytes], bool] | None:
    """A fast filter of a line's bytes; None if all lines may match. matching() checks what it accepts."""
    values_by_key = {
        "source": options.source,
        "outcome": options.outcome,
        "run": [options.run] if options.run else [],
    }
    conditions = [
        [f'"{key}":{json.dumps(value)}'.encode("ascii") for value in values]
        for key, values in values_by_key.items()
        if values
    ]
    if not conditions:
        return None
    return lambda line: all(any(part in line for part in condition) for condition in conditions)


def _contains(entry: Entry, pattern: re.Pattern[str]) -> bool:
    if pattern.search(entry.action):
        return True
    return bool(entry.details) and bool(pattern.search(json.dumps(entry.details, ensure_ascii=False)))


def parse_moment(text: str) -> str:
    """Parse a time on the command line. Raises argparse.ArgumentTypeError."""
    try:
        return times.moment(text, now())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression ({error})") from None


def _at_least_one(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1 on")
    return int(text)
