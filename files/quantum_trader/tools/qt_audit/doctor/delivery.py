"""Check the channels: the settings that name them, and whether their messages get through."""

from __future__ import annotations

from collections.abc import Iterator

from qt_audit.delivery import addresses, operator_rules
from qt_audit.delivery.outbox import channel_status
from qt_audit.delivery.outbox.channel_status import ChannelStatus
from qt_audit.delivery.outbox.directory import ReadOnlyDirectory
from qt_audit.delivery.outbox.queue import Outbox
from qt_audit.delivery.wording import compose
from qt_audit.doctor.check import OK, WARN, WRONG, Check, run_check
from qt_audit.record.entry import now
from qt_audit.record.place import home
from qt_audit.settings.loading import Settings

_LATE_S = 600.0
"""A message that waits longer shows that the schedule or a receiver does not work."""


def delivery_checks(settings: Settings) -> list[Check]:
    """The check of an installation's channels, and of the settings that name them."""
    return run_check("delivery", lambda: _channels(settings))


def _channels(settings: Settings) -> Iterator[Check]:
    problems = [*addresses.problems(settings), *operator_rules.problems(settings)]
    names = [channel.name for channel in addresses.channels(settings)]
    for problem in problems:
        yield Check("delivery", WRONG, problem)
    if not names:
        if not problems:
            yield Check("delivery", OK, "no channel is set: nobody is told")
        return
    try:
        with ReadOnlyDirectory(home(settings)) as files:
            statuses = channel_status.channel_statuses(Outbox(files), names)
    except FileNotFoundError:
        statuses = [channel_status.unused_channel(name) for name in names]
    faults = [text for one in statuses for text in _faults(one)]
    wrong = any(one.disabled or channel_status.oldest_age_s(one, now()) > _LATE_S for one in statuses)
    if faults:
        text = "; ".join(faults)
        yield Check("delivery", WRONG if wrong else WARN, f"{text} (`deliver --status` tells more)")
    elif not problems:
        count = f"{len(names)} channel{'' if len(names) == 1 else 's'}"
        yield Check("delivery", OK, f"{count}, nothing waits for long")


def _faults(one: ChannelStatus) -> Iterator[str]:
    age = channel_status.oldest_age_s(one, now())
    if one.disabled:
        yield f"{one.name} is disabled: {one.disabled}"
    if age > _LATE_S:
        yield f"{one.waiting} for {one.name} wait, the oldest for {compose.duration(age)}"
    if one.parked:
        yield f"{one.parked} for {one.name} were given up"
