"""Send a test message to each channel, or to one, and print the result of each.

If the message is delivered, a disabled channel is enabled again. Exit status 1: a message was not
delivered.

examples:
  audit_logger.py notify_test
  audit_logger.py notify_test discord-3f9a1c
"""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict

from qt_audit.delivery import addresses
from qt_audit.delivery.message import SENT, Channel, SendResult
from qt_audit.delivery.outbox.directory import ReadOnlyDirectory
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.wording import compose
from qt_audit.record import place
from qt_audit.record.entry import escaped, now
from qt_audit.record.place import Place
from qt_audit.record.warning import reason
from qt_audit.settings.env_file import SettingsError
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import coloured, explain, print_json

GROUP = "notify"
HELP = "send a test message to each channel and print the result"
TOLERATES_WRONG_SETTINGS = True

_PROGRAM = "audit_logger.py notify_test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "channel", nargs="?", metavar="CHANNEL", help="only this one; `deliver --status` shows the names"
    )
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    wrong = [*settings.warnings, *addresses.problems(settings)]
    for problem in wrong:
        explain(_PROGRAM, problem)
    channels = _chosen(addresses.channels(settings), options.channel, bool(wrong))
    home, results = place.home(settings), {}
    for channel in channels:
        result = results[channel.name] = _send_test(channel, settings["QT_DELIVERY_TIMEOUT"])
        if result.state == SENT:
            _enable(home, channel.name)
        if not options.json:
            sign, colour = ("✅", "green") if result.state == SENT else ("❌", "red")
            print(coloured(f"{sign} {channel.name}: {escaped(result.says)}", colour), flush=True)
    if options.json:
        print_json({name: asdict(result) for name, result in results.items()})
    if wrong:
        return 2
    return 0 if all(result.state == SENT for result in results.values()) else 1


def _chosen(channels: list[Channel], name: str | None, wrong: bool) -> list[Channel]:
    """The channels to test. Raises SettingsError if there is none, or none of this name."""
    if not channels and not wrong:
        raise SettingsError(addresses.no_channel())
    chosen = [channel for channel in channels if name in (None, channel.name)]
    if not chosen and channels:
        raise SettingsError(f"no channel is called {name!r}; there are {', '.join(c.name for c in channels)}")
    return chosen


def _send_test(channel: Channel, timeout: float) -> SendResult:
    message = compose.test_message(channel.name, os.uname().nodename, now())
    return channel.send(message, timeout)


def _enable(home: Place, name: str) -> None:
    """Ask the next delivery to use a disabled channel again. Does nothing before the first delivery."""
    try:
        with ReadOnlyDirectory(home) as files:
            outbox = Outbox(files)
            if outbox.state(name).disabled:
                outbox.enable(name)
    except FileNotFoundError:
        return
    except OSError as error:
        explain(_PROGRAM, f"{reason(error)}; {name} stays disabled")
