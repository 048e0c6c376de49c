"""Show the number of entries in total and today (UTC), the first and last one, and the chain's head.

Without --by it does not read the whole record, so it is fast.

A time T is 2026-11-23, "2026-11-23 10:00" (UTC), 2026-11-23T10:00:00+01:00, today, yesterday,
now, or 90m, 2h, 3d, 1w (minutes, hours, days, weeks ago).

examples:
  audit_logger.py stats
  audit_logger.py stats --by outcome --since 7d
"""

from __future__ import annotations

import argparse

from qt_audit.reading.history import History
from qt_audit.reading.window import BEGINNING, END
from qt_audit.record import place
from qt_audit.record.entry import Entry, escaped, now
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import explain, print_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GROUP = "read"
HELP = "count entries; show the first and the last one, and the chain's head"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--by", choices=["outcome", "source"], help="count the entries of each outcome or source"
    )
    parser.add_argument("--since", type=_moment, metavar="T", help="count entries from this time on")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    home = place.home(settings)
    history = History(home)
    if options.by:
        _print_groups(history, options)
    elif options.since:
        _print_since(history, options)
    else:
        _print_totals(history, options.json)
    if not options.json and not history.exists():
        explain(
            "audit_logger.py stats", f"{home.record_path}: there is no record yet; `log` and `test` begin one"
        )
    return 0


def _print_totals(history: History, as_json: bool) -> None:
    today = now()[:10]
    first, mark, head = history.first(), history.before(END), history.head()
    last = mark.entry if mark is not None else None
    total = last.seq - first.seq + 1 if first is not None and last is not None else 0
    todays = history.count(today, f"{today}T24") if last is not None and last.ts >= today else 0
    if as_json:
        ends = {"first": _short(first), "last": _short(last), "head": head.as_dict() if head else None}
        print_json({"total": total, "today": todays, **ends})
        return
    print(f"📊 Total Entries: {total}")
    print(f"📊 Today's Entries: {todays}")
    if first is not None and last is not None:
        print(f"First: {first.log_line()}")
        print(f"Last:  {last.log_line()}")
    if head is not None:
        print(f"Head:  seq {head.seq}, {head.hash}")


def _short(entry: Entry | None) -> dict[str, Any] | None:
    return None if entry is None else {"seq": entry.seq, "ts": entry.ts, "action": entry.action}


def _print_since(history: History, options: argparse.Namespace) -> None:
    count = history.count(options.since)
    if options.json:
        print_json({"since": options.since, "entries": count})
    else:
        print(f"📊 Entries since {options.since}: {count}")


def _print_groups(history: History, options: argparse.Namespace) -> None:
    counts: dict[str, int] = {}
    for entry in history.window(options.since or BEGINNING, details=False):
        group = str(getattr(entry, options.by))
        counts[group] = counts.get(group, 0) + 1
    ranked = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    total = sum(ranked.values())
    if options.json:
        print_json({"by": options.by, "since": options.since, "entries": total, "counts": ranked})
        return
    since = f" since {options.since}" if options.since else ""
    print(f"📊 Entries by {options.by}{since}: {total}")
    width = max(map(len, map(escaped, ranked)), default=0)
    for group, count in ranked.items():
        print(f"  {escaped(group):<{width}}  {count}")
    if history.skipped:
        explain("audit_logger.py stats", f"{history.skipped} lines are no entries; `verify` names them")


def _moment(text: str) -> str:
    from qt_audit.commands.query import (
        parse_moment,  # imported only for --since: plain `stats` starts faster
    )

    return parse_moment(text)
