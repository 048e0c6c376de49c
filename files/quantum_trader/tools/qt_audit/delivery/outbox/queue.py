"""The outbox: a queue of messages for each channel, as files in status/outbox.

    waiting.<channel>.<number>.<id>.json   queued, to be sent in the order of their numbers
    parked.<channel>.<number>.<id>.json    given up, with the reason; kept for a person to look at
    channels.json                          the state of each channel: failures, time of the next attempt
    cursor.json                            how far the record was read, and the open incidents
    enable.<channel>                       `notify_test` succeeded: the channel is in use again
    wake                                   an entry that must be reported at once was written

A message is durable before the cursor moves on, and is removed only after it was delivered. So each message
is delivered at least once; a crash in between repeats at most the one that was being sent. The same id is
never queued twice for a channel.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from qt_audit.delivery import stored_data
from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox.backoff import ChannelState
from qt_audit.delivery.outbox.directory import Store
from qt_audit.wake import NAME as WAKE

_ENABLE = "enable."
_CHANNELS = "channels.json"
WAITING, PARKED = "waiting", "parked"
_DIGITS = 12


@dataclass(frozen=True)
class QueueItem:
    """A message's file in the outbox: the parts of its name."""

    state: str
    channel: str
    number: str
    id: str

    @property
    def file(self) -> str:
        return f"{self.state}.{self.channel}.{self.number}.{self.id}.json"

    @classmethod
    def from_file_name(cls, name: str) -> QueueItem | None:
        """The item of a file name; None if the file is not a message."""
        parts = name.split(".")
        if len(parts) != 5 or parts[0] not in (WAITING, PARKED) or parts[4] != "json":
            return None
        return cls(*parts[:4])


@dataclass(frozen=True)
class QueuedMessage:
    """The content of a message's file."""

    message: Message
    queued: str
    """When it was queued, written as in entries."""
    parked: str = ""
    """Why it was given up; empty while it is queued."""


class Outbox:
    """The messages of all channels, and the state of each channel. Changes need the directory's lock.

    Each method raises OSError if the directory cannot be used.
    """

    def __init__(self, files: Store) -> None:
        self._files = files
        self._states = self._read_states()
        self._unsaved = False
        items = (QueueItem.from_file_name(name) for name in files.names())
        self._items_by_file = {item.file: item for item in items if item is not None}
        self._waiting_ids = {
            (item.channel, item.id) for item in self._items_by_file.values() if item.state == WAITING
        }
        self._last_number = max(
            (int(item.number) for item in self._items_by_file.values() if item.number.isdecimal()), default=0
        )

    def remove_temporary_files(self) -> None:
        """Remove files that killed processes left half written."""
        for name in self._files.names():
            if name.startswith(".") and name.endswith(".new"):
                self._files.remove(name)

    def put(
        self, message: Message, channels: Sequence[str], queued: str, instead_of: QueueItem | None = None
    ) -> int:
        """Queue a message for each channel, at the end or at the place of `instead_of`.

        Returns for how many channels it was new. Durable when this returns. Repeating it changes nothing.
        """
        new = [channel for channel in channels if (channel, message.id) not in self._waiting_ids]
        for channel in new:
            self._last_number += instead_of is None
            number = f"{self._last_number:0{_DIGITS}d}" if instead_of is None else instead_of.number
            waiting = QueueItem(WAITING, channel, number, message.id)
            self._files.write(waiting.file, _encoded({"queued": queued, "message": message.as_dict()}))
            self._add(waiting)
        return len(new)

    def waiting(self, channel: str | None = None) -> list[QueueItem]:
        """The queued messages of a channel, or of all, oldest first."""
        return self._items_in(WAITING, channel)

    def parked(self, channel: str | None = None) -> list[QueueItem]:
        """The messages that were given up, oldest first."""
        return self._items_in(PARKED, channel)

    def size(self, items: Sequence[QueueItem]) -> int:
        """The size of their files in bytes."""
        return sum(self._files.size(item.file) for item in items)

    def load(self, item: QueueItem) -> QueuedMessage | None:
        """The content of a message's file; None if it is no message, or the file is gone."""
        try:
            plain = json.loads(self._files.read(item.file) or b"")
            message = Message.from_dict(plain["message"])
            return QueuedMessage(
                message, stored_data.instant(plain["queued"]), stored_data.text(plain.get("parked", ""))
            )
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass
        except OSError:  # a link, a directory, a pipe
            if self._files.is_file(item.file):
                raise
        return None

    def delete(self, *items: QueueItem) -> None:
        """Delete messages. Durable when this returns."""
        for item in items[:-1]:
            self._files.discard(item.file)
            self._remove(item)
        for item in items[-1:]:
            self._files.remove(item.file)
            self._remove(item)

    def park(self, item: QueueItem, why: str) -> None:
        """Give a message up, and keep it with the reason. Durable when this returns.

        A file that holds no message is only renamed, without the reason.
        """
        parked = replace(item, state=PARKED)
        loaded = self.load(item)
        if loaded is None:
            self._files.set_aside(item.file, parked.file)
            self._remove(item)
        else:
            plain = {"queued": loaded.queued, "message": loaded.message.as_dict(), "parked": why}
            self._files.write(parked.file, _encoded(plain))
            self.delete(item)
        self._add(parked)

    def move(self, item: QueueItem, loaded: QueuedMessage, channel: str, now: str) -> None:
        """Queue a queued or parked message for `channel` instead, which may be the same channel.

        A queued message keeps its age; a parked one is queued from now on. Durable when this returns.
        Repeating it after a crash changes nothing.
        """
        self.put(loaded.message, [channel], now if loaded.parked else loaded.queued, instead_of=item)
        self.delete(item)

    def retry(self, now: str) -> tuple[int, int]:
        """Queue all parked messages again, and let all channels be tried at once.

        Returns the number of these messages, and of parked files that hold no message and stay parked.
        """
        parked, unreadable = self.parked(), 0
        for item in parked:
            loaded = self.load(item)
            if loaded is None:
                unreadable += 1
                continue
            self.move(item, loaded, item.channel, now)
        for channel, state in self.states().items():
            self.set_state(channel, replace(state, failures=0, next_try=""))
        self.save()
        return len(parked) - unreadable, unreadable

    def state(self, channel: str) -> ChannelState:
        return self._states.get(channel, ChannelState())

    def states(self) -> dict[str, ChannelState]:
        return dict(self._states)

    def set_state(self, channel: str, state: ChannelState) -> None:
        """Set the state of a channel. save() makes it durable."""
        if self._states.get(channel) != state:
            self._states[channel] = state
            self._unsaved = True

    def save(self) -> None:
        """Make the states of all channels durable."""
        if self._unsaved:
            plain = {name: asdict(state) for name, state in sorted(self._states.items())}
            self._files.write(_CHANNELS, _encoded(plain))
            self._unsaved = False

    def enable(self, channel: str) -> None:
        """Ask the next delivery to use a channel again. Needs no lock."""
        self._files.write(f"{_ENABLE}{channel}", b"")

    def enabled(self) -> list[str]:
        """The channels that were enabled since the last apply_enabled()."""
        return [name.removeprefix(_ENABLE) for name in self._files.names() if name.startswith(_ENABLE)]

    def apply_enabled(self) -> None:
        """Clear the failures of the channels that were enabled. Durable when this returns."""
        for channel in self.enabled():
            self.set_state(channel, replace(self.state(channel), failures=0, next_try="", disabled=""))
            self.save()
            self._files.remove(f"{_ENABLE}{channel}")

    def read(self, name: str) -> bytes | None:
        """The content of another file of the outbox; None if there is none."""
        return self._files.read(name)

    def write(self, name: str, data: bytes) -> None:
        """Replace another file of the outbox. Durable when this returns."""
        self._files.write(name, data)

    def remove(self, name: str) -> None:
        """Remove another file of the outbox, if it exists."""
        self._files.remove(name)

    def set_aside(self, name: str) -> None:
        """Rename another file of the outbox to `name`.damaged, for a person to look at."""
        self._files.set_aside(name, f"{name}.damaged")

    def has_wake(self) -> bool:
        """Whether an entry that must be reported at once was written since the last delivery began."""
        return WAKE in self._files.names()

    def _items_in(self, state: str, channel: str | None) -> list[QueueItem]:
        items = self._items_by_file.values()
        chosen = (item for item in items if item.state == state and channel in (None, item.channel))
        return sorted(chosen, key=lambda item: (item.number, item.id))

    def _add(self, item: QueueItem) -> None:
        self._items_by_file[item.file] = item
        if item.state == WAITING:
            self._waiting_ids.add((item.channel, item.id))

    def _remove(self, item: QueueItem) -> None:
        self._items_by_file.pop(item.file, None)
        if item.state == WAITING:
            self._waiting_ids.discard((item.channel, item.id))

    def _read_states(self) -> dict[str, ChannelState]:
        """The states that can be read. A lost one only means that the channel is tried at once."""
        try:
            stored = list(json.loads(self._files.read(_CHANNELS) or b"{}").items())
        except (ValueError, AttributeError, RecursionError):
            return {}
        states = {}
        for name, plain in stored:
            with suppress(ValueError, TypeError):
                states[name] = ChannelState.from_dict(plain)
        return states


def _encoded(plain: dict[str, Any]) -> bytes:
    return (json.dumps(plain, separators=(",", ":")) + "\n").encode("ascii")
