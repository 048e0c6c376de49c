"""Show the last entries; with -f also new ones, until Ctrl-C.

It reads the record, not the log. So it continues when the log is rotated, a month begins or a
segment is archived, and it waits for the first entry if there is no record yet.

examples:
  audit_logger.py tail -n 20
  audit_logger.py tail -f --json | jq -r .action
"""

from __future__ import annotations

import argparse
import re
import sys
import time

from qt_audit.reading.follow import Follower
from qt_audit.reading.history import History
from qt_audit.record import place
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import print_entry

GROUP = "read"
HELP = "show the last entries; with -f also new ones"

_PAUSE = 0.2
"""Seconds between two checks for new entries."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", type=_count, default=10, metavar="N", help="number of entries (default: 10)")
    parser.add_argument("-f", "--follow", action="store_true", help="also show new entries, until Ctrl-C")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    home = place.home(settings)
    entries = History(home).last(max(1, options.n))
    for entry in entries[len(entries) - min(options.n, len(entries)) :]:
        print_entry(entry, options.json)
    if not options.follow:
        return 0
    follower = Follower(home, entries[-1] if entries else None)
    try:
        while True:
            sys.stdout.flush()
            for entry in follower.poll():
                print_entry(entry, options.json)
                sys.stdout.flush()
            time.sleep(_PAUSE)
    finally:
        follower.close()


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 0 on")
    return int(text)
