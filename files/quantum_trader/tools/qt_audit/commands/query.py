"""Find entries, oldest first: as people read them, or with --json as the record's lines.

All conditions must hold; --source and --outcome may be repeated, then one of them must.
Nothing found is an answer too: exit status 0.

A time T is 2026-11-23, "2026-11-23 10:00" (UTC), 2026-11-23T10:00:00+01:00, today, yesterday,
now, or 90m, 2h, 3d, 1w (so long ago). --until is not included.

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
    parser.add_argument("--since", type=parse_moment, metavar="T", help="not before this time")
    parser.add_argument("--until", type=parse_moment, metavar="T", help="before this time")
    parser.add_argument(
        "--source", action="append", default=[], metavar="S", help="of this program; repeatable"
    )
    parser.add_argument(
        "--outcome",
        action="append",
        default=[],
        choices=OUTCOMES,
        metavar="O",
        help="|".join(OUTCOMES) + "; repeatable",
    )
    parser.add_argument("--run", default=None, metavar="ID", help="of this action")
    parser.add_argument(
        "--grep",
        type=_pattern,
        default=None,
        metavar="RE",
        help="action or details hold this, in either case",
    )
    parser.add_argument("--limit", type=_at_least_one, default=None, metavar="N", help="the first N only")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    history = History(place.home(settings))
    found = 0
    for entry in islice(matching(history, options), options.limit):
        print_entry(entry, options.json)
        found += 1
    if not found and sys.stderr.isatty():
        explain("audit_logger.py query", "no entry matches")
    if history.skipped:
        explain("audit_logger.py query", f"{history.skipped} lines are no entries; `verify` names them")
    return 0


def matching(history: History, options: argparse.Namespace) -> Iterator[Entry]:
    """The entries that the options ask for."""
    sources, outcomes = set(options.source), set(options.outcome)
    for entry in history.window(options.since or BEGINNING, options.until or END, _wanted(options)):
        if (
            (not sources or entry.source in sources)
            and (not outcomes or entry.outcome in outcomes)
            and (options.run is None or entry.run == options.run)
            and (options.grep is None or _holds(entry, options.grep))
        ):
            yield entry


def _wanted(options: argparse.Namespace) -> Callable[[bytes], bool] | None:
    """A quick look at a line's bytes that turns most others down; what it lets pass is still compared."""
    asked = {
        "source": options.source,
        "outcome": options.outcome,
        "run": [options.run] if options.run else [],
    }
    conditions = [
        [f'"{key}":{json.dumps(value)}'.encode("ascii") for value in values]
        for key, values in asked.items()
        if values
    ]
    if not conditions:
        return None
    return lambda line: all(any(part in line for part in condition) for condition in conditions)


def _holds(entry: Entry, pattern: re.Pattern[str]) -> bool:
    if pattern.search(entry.action):
        return True
    return bool(entry.details) and bool(pattern.search(json.dumps(entry.details, ensure_ascii=False)))


def parse_moment(text: str) -> str:
    """An argument that is a time."""
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
