"""Send queued messages to the channels that audit.env names: alerts, and each new summary.

cron runs it every minute, and systemd at once after an urgent entry. A message that cannot be delivered
stays in status/outbox and is tried again, after longer and longer pauses up to an hour. After 7 days it
is given up, but kept for --retry. A channel that refuses permanently is disabled until `notify_test`
succeeds. If there is nothing to do, it prints nothing.

Exit status 1: messages are still queued or were given up, or a channel is disabled.

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
HELP = "send queued alerts and summaries, or show them (--status, --list)"
TOLERATES_WRONG_SETTINGS = True

_PROGRAM = "audit_logger.py deliver"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="show the status of each channel; send nothing")
    what.add_argument(
        "--list", action="store_true", help="list the messages that are queued or were given up; send nothing"
    )
    what.add_argument(
        "--retry", action="store_true", help="send all of them now, also those that were given up"
    )
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    home, wrong = place.home(settings), _problems(settings)
    for problem in wrong:
        explain(_PROGRAM, problem)
    channels = addresses.channels(settings)
    if options.status or options.list:
        return _show(home, [channel.name for channel in channels], options)
    status = _deliver(home, channels, settings, options) if channels else _without_channels(home, settings)
    return 2 if wrong else status


def _problems(settings: Settings) -> list[str]:
    return [*settings.warnings, *addresses.problems(settings), *operator_rules.problems(settings)]


def _without_channels(home: Place, settings: Settings) -> int:
    """Remove the cursor, so that a channel that is set later begins with the entries that are new then."""
    if any(settings[name] for name in CHANNELS):
        return 1  # the settings name channels, but none can be used
    try:
        with ReadOnlyDirectory(home) as files:
            has_cursor = files.read(CURSOR) is not None
    except FileNotFoundError:
        return 0
    if has_cursor:
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
    return 0 if not total.problems and all(status.well for status in statuses) else 1


def _report(total: RoundResult, statuses: Sequence[ChannelStatus], as_json: bool) -> None:
    for problem in total.problems:
        explain(_PROGRAM, problem)
    if as_json:
        print_json(
            _as_json(
                statuses,
                {name: result.sent for name, result in total.channel_results.items()},
            )
        )
        return
    by_name = {status.name: status for status in statuses}
    for name, result in total.channel_results.items():
        if result.sent:
            print(f"✅ {name}: {result.sent} sent")
        if result.failed and not result.fault:
            print(coloured(f"❌ {name}: {escaped(result.failed)}; {_next_step(by_name[name])}", "red"))


def _next_step(status: ChannelStatus) -> str:
    if status.disabled:
        return f"not used again until `audit_logger.py notify_test {status.name}` gets through"
    return f"{status.waiting} wait, next try at {status.next_try[:19]}Z"


def _show(home: Place, configured: Sequence[str], options: argparse.Namespace) -> int:
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
    return 0 if all(status.well for status in statuses) else 1


def _as_json(statuses: Sequence[ChannelStatus], sent: Mapping[str, int]) -> dict[str, object]:
    return {
        "well": all(status.well for status in statuses),
        "sent_now": sum(sent.values()),
        "channels": [{**status.as_dict(), "sent_now": sent.get(status.name, 0)} for status in statuses],
    }


def _print_status(statuses: Sequence[ChannelStatus]) -> None:
    if not statuses:
        print(addresses.no_channel())
    for status in statuses:
        sign, colour, text = _describe(status)
        print(coloured(f"{sign} {status.name}: {escaped(text)}", colour))


def _describe(status: ChannelStatus) -> tuple[str, str, str]:
    """Sign, colour and text of a channel's status."""
    parts = [f"{status.sent} sent" + (f", the last at {status.last_sent[:19]}Z" if status.last_sent else "")]
    if status.waiting:
        age = compose.duration(channel_status.oldest_age_s(status, now()))
        parts.append(f"{status.waiting} wait" + (f", the oldest for {age}" if status.oldest else ""))
    if status.parked:
        parts.append(f"{status.parked} given up (`deliver --list`, `deliver --retry`)")
    if not status.configured:
        return "⚠️ ", "yellow", "; ".join([*parts, "it is in the settings no more"])
    if status.disabled:
        parts.append(f"disabled: {status.disabled} (`notify_test {status.name}` once it is mended)")
        return "❌", "red", "; ".join(parts)
    if status.failures:
        parts.append(
            f"{status.failures} failures in a row: {status.says}; next try at {status.next_try[:19]}Z"
        )
    return ("✅", "green", "; ".join(parts)) if status.well else ("⚠️ ", "yellow", "; ".join(parts))


def _print_list(messages: Sequence[Mapping[str, object]]) -> None:
    for message in messages:
        why = f" ({message['why']})" if message["why"] else ""
        title = message["title"] or message["id"]
        print(escaped(f"{message['state']} {message['channel']} {message['queued'] or '-'} {title}{why}"))
