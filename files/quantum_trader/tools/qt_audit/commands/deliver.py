"""Send what waits to the channels of audit.env: alerts at once, and each summary that is made.

cron calls it every minute, and systemd when something must be told at once. What cannot be delivered
now stays in status/outbox and is tried again, after a longer pause each time, up to an hour; after 7 days
it is given up and kept. A channel that refuses for good is not used again until `notify_test` gets through.
It says nothing where there is nothing to do. Exit status 1: something waits, or was given up.

examples:
  audit_logger.py deliver
  audit_logger.py deliver --status
  audit_logger.py deliver --list --json | jq -r '.[].title'
  audit_logger.py deliver --retry
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress

from qt_audit.delivery import addresses, operator_rules
from qt_audit.delivery.gathering.cursor import CURSOR
from qt_audit.delivery.message import Channel
from qt_audit.delivery.outbox import channel_status
from qt_audit.delivery.outbox.channel_status import ChannelStatus
from qt_audit.delivery.outbox.directory import LockedOutbox, ReadOnlyDirectory
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.round import RoundResult
from qt_audit.delivery.run import locked_outbox, run_rounds
from qt_audit.delivery.wording import compose
from qt_audit.record import place
from qt_audit.record.entry import escaped, now
from qt_audit.record.head import Busy
from qt_audit.record.place import Place
from qt_audit.settings.loading import Settings
from qt_audit.settings.table import CHANNELS
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import coloured, explain, print_json

GROUP = "notify"
HELP = "send what waits: alerts and summaries; or show what waits (--status, --list)"
TOLERATES_WRONG_SETTINGS = True

_PROGRAM = "audit_logger.py deliver"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="how each channel statuses; sends nothing")
    what.add_argument("--list", action="store_true", help="each message that waits or was given up")
    what.add_argument("--retry", action="store_true", help="try everything again now, what was given up, too")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    home, wrong = place.home(settings), _problems(settings)
    for problem in wrong:
        explain(_PROGRAM, problem)
    channels = addresses.channels(settings)
    if options.status or options.list:
        return _look(home, [channel.name for channel in channels], options)
    status = _deliver(home, channels, settings, options) if channels else _unused(home, settings)
    return 2 if wrong else status


def _problems(settings: Settings) -> list[str]:
    return [*settings.warnings, *addresses.problems(settings), *operator_rules.problems(settings)]


def _unused(home: Place, settings: Settings) -> int:
    """Without channels nothing is kept: a channel that is set later begins with what is new then."""
    if any(settings[name] for name in CHANNELS):
        return 1  # there should be some
    try:
        with ReadOnlyDirectory(home) as files:
            known = files.read(CURSOR) is not None
    except FileNotFoundError:
        return 0
    if known:
        with suppress(Busy), LockedOutbox(home, 0.0) as locked:
            locked.remove(CURSOR)
    return 0


def _deliver(
    home: Place, channels: Sequence[Channel], settings: Settings, options: argparse.Namespace
) -> int:
    with locked_outbox(home, patient=options.retry) as outbox:
        if outbox is None:
            if options.retry:
                explain(_PROGRAM, "another delivery is under way and does not end; try again later")
            return 1 if options.retry else 0
        if options.retry:
            _, unreadable = outbox.retry(now())
            if unreadable:
                explain(_PROGRAM, f"{unreadable} of what was given up hold no message and stay in the outbox")
        total = run_rounds(outbox, home, channels, settings)
        statuses = channel_status.channel_statuses(outbox, [channel.name for channel in channels])
    _report(total, statuses, options.json)
    return 0 if not total.problems and all(one.well for one in statuses) else 1


def _report(total: RoundResult, statuses: Sequence[ChannelStatus], as_json: bool) -> None:
    for problem in total.problems:
        explain(_PROGRAM, problem)
    if as_json:
        print_json(
            _as_json(
                statuses,
                {name: channel_result.sent for name, channel_result in total.channel_results.items()},
            )
        )
        return
    by_name = {one.name: one for one in statuses}
    for name, channel_result in total.channel_results.items():
        if channel_result.sent:
            print(f"✅ {name}: {channel_result.sent} sent")
        if channel_result.failed and not channel_result.fault:
            print(
                coloured(
                    f"❌ {name}: {escaped(channel_result.failed)}; {_what_follows(by_name[name])}", "red"
                )
            )


def _what_follows(one: ChannelStatus) -> str:
    if one.disabled:
        return f"not used again until `audit_logger.py notify_test {one.name}` gets through"
    return f"{one.waiting} wait, next try at {one.next_try[:19]}Z"


def _look(home: Place, configured: Sequence[str], options: argparse.Namespace) -> int:
    try:
        with ReadOnlyDirectory(home) as files:
            outbox = Outbox(files)
            statuses = channel_status.channel_statuses(outbox, configured)
            messages = list(channel_status.list_messages(outbox)) if options.list else []
    except FileNotFoundError:  # nothing was ever delivered
        statuses, messages = [channel_status.unused_channel(name) for name in configured], []
    if options.json:
        print_json(messages if options.list else _as_json(statuses, {}))
    elif options.list:
        _print_list(messages)
    else:
        _print_status(statuses)
    return 0 if all(one.well for one in statuses) else 1


def _as_json(statuses: Sequence[ChannelStatus], sent: Mapping[str, int]) -> dict[str, object]:
    return {
        "well": all(one.well for one in statuses),
        "sent_now": sum(sent.values()),
        "channels": [{**one.as_dict(), "sent_now": sent.get(one.name, 0)} for one in statuses],
    }


def _print_status(statuses: Sequence[ChannelStatus]) -> None:
    if not statuses:
        print(addresses.no_channel())
    for one in statuses:
        sign, colour, text = _stands(one)
        print(coloured(f"{sign} {one.name}: {escaped(text)}", colour))


def _stands(one: ChannelStatus) -> tuple[str, str, str]:
    """Sign, colour and words."""
    parts = [f"{one.sent} sent" + (f", the last at {one.last_sent[:19]}Z" if one.last_sent else "")]
    if one.waiting:
        age = compose.duration(channel_status.oldest_age_s(one, now()))
        parts.append(f"{one.waiting} wait" + (f", the oldest for {age}" if one.oldest else ""))
    if one.parked:
        parts.append(f"{one.parked} given up (`deliver --list`, `deliver --retry`)")
    if not one.configured:
        return "⚠️ ", "yellow", "; ".join([*parts, "it is in the settings no more"])
    if one.disabled:
        parts.append(f"disabled: {one.disabled} (`notify_test {one.name}` once it is mended)")
        return "❌", "red", "; ".join(parts)
    if one.failures:
        parts.append(f"{one.failures} failures in a row: {one.says}; next try at {one.next_try[:19]}Z")
    return ("✅", "green", "; ".join(parts)) if one.well else ("⚠️ ", "yellow", "; ".join(parts))


def _print_list(messages: Sequence[Mapping[str, object]]) -> None:
    for one in messages:
        why = f" ({one['why']})" if one["why"] else ""
        title = one["title"] or one["id"]
        print(escaped(f"{one['state']} {one['channel']} {one['queued'] or '-'} {title}{why}"))
