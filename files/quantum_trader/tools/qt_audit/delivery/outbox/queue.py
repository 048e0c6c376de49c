"""The outbox: messages that wait for each channel, oldest first, in status/outbox; nothing is lost there.

    waiting.<channel>.<number>.<id>.json   to be sent, in the order of their numbers
    parked.<channel>.<number>.<id>.json    given up, and why; kept for a person to look at
    channels.json                          what is known of each channel: failures, when to try again
    cursor.json                            how far the record has been read, and the incidents that are open
    enable.<channel>                       `notify_test` got through: the channel is in use again
    wake                                   an entry that somebody must know of was written

A message is durable before the cursor moves on, and is removed only once it was taken: it is delivered
at least once, and a crash between both repeats at most the one that was on its way. The same
id is never put there twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox import stored_data
from qt_audit.delivery.outbox.backoff import ChannelState
from qt_audit.delivery.outbox.directory import Store
from qt_audit.wake import NAME as WAKE

_ENABLE = "enable."
_CHANNELS = "channels.json"
WAITING, PARKED = "waiting", "parked"
_DIGITS = 12


@dataclass(frozen=True)
class QueueItem:
    """A file of the outbox, by its name's parts."""

    state: str
    channel: str
    number: str
    id: str

    @property
    def file(self) -> str:
        return f"{self.state}.{self.channel}.{self.number}.{self.id}.json"

    @classmethod
    def from_file_name(cls, name: str) -> QueueItem | None:
        """What a file's name says; None if it is no message's."""
        parts = name.split(".")
        if len(parts) != 5 or parts[0] not in (WAITING, PARKED) or parts[4] != "json":
            return None
        return cls(*parts[:4])


@dataclass(frozen=True)
class QueuedMessage:
    """What a file of the outbox holds."""

    message: Message
    queued: str
    """Since when it waits; of a parked one: since when it waited."""
    parked: str = ""
    """Why it was given up."""


class Outbox:
    """The messages and what is known of the channels. To change it, the directory's lock must be held.

    Raises OSError if the directory cannot be used.
    """

    def __init__(self, files: Store) -> None:
        self._files = files
        self._states = self._read_states()
        self._unsaved = False
        found = (QueueItem.from_file_name(name) for name in files.names())
        self._all = {item.file: item for item in found if item is not None}
        self._ids = {(item.channel, item.id) for item in self._all.values() if item.state == WAITING}
        self._last = max(
            (int(item.number) for item in self._all.values() if item.number.isdecimal()), default=0
        )

    def tidy(self) -> None:
        """Remove what was being written when somebody was killed."""
        for name in self._files.names():
            if name.startswith(".") and name.endswith(".new"):
                self._files.remove(name)

    def put(
        self, message: Message, channels: Sequence[str], queued: str, instead_of: QueueItem | None = None
    ) -> int:
        """Let it wait for each channel, behind all others or in the place of another; for how many it is new.

        Durable when this returns; doing it again changes nothing.
        """
        new = [channel for channel in channels if (channel, message.id) not in self._ids]
        for channel in new:
            self._last += instead_of is None
            number = f"{self._last:0{_DIGITS}d}" if instead_of is None else instead_of.number
            waiting = QueueItem(WAITING, channel, number, message.id)
            self._files.write(waiting.file, _encoded({"queued": queued, "message": message.as_dict()}))
            self._add(waiting)
        return len(new)

    def waiting(self, channel: str | None = None) -> list[QueueItem]:
        """What waits for a channel, or for all, oldest first."""
        return self._items(WAITING, channel)

    def parked(self, channel: str | None = None) -> list[QueueItem]:
        """What was given up, oldest first."""
        return self._items(PARKED, channel)

    def size(self, items: Sequence[QueueItem]) -> int:
        """How much they take, in bytes."""
        return sum(self._files.size(item.file) for item in items)

    def load(self, item: QueueItem) -> QueuedMessage | None:
        """What a file holds; None if that cannot be understood, or it is gone."""
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

    def done(self, *items: QueueItem) -> None:
        """They were taken. Durable when this returns."""
        for item in items[:-1]:
            self._files.discard(item.file)
            self._drop(item)
        for item in items[-1:]:
            self._files.remove(item.file)
            self._drop(item)

    def park(self, item: QueueItem, why: str) -> None:
        """Give it up, and keep it with the reason."""
        parked = replace(item, state=PARKED)
        loaded = self.load(item)
        if loaded is None:
            self._files.set_aside(item.file, parked.file)
            self._drop(item)
        else:
            plain = {"queued": loaded.queued, "message": loaded.message.as_dict(), "parked": why}
            self._files.write(parked.file, _encoded(plain))
            self.done(item)
        self._add(parked)

    def give(self, item: QueueItem, loaded: QueuedMessage, channel: str, now: str) -> None:
        """Let what waits for a channel, or was given up, wait for another one, or for the same again.

        One that waits keeps its age; one that was given up waits from now on. Doing it again, after a
        crash, changes nothing.
        """
        self.put(loaded.message, [channel], now if loaded.parked else loaded.queued, instead_of=item)
        self.done(item)

    def retry(self, now: str) -> tuple[int, int]:
        """Let everything that was parked wait again, from now on, and try all channels at once.

        How many messages there are, and how many files that hold none and stay parked.
        """
        parked, unreadable = self.parked(), 0
        for item in parked:
            loaded = self.load(item)
            if loaded is None:
                unreadable += 1
                continue
            self.give(item, loaded, item.channel, now)
        for channel, state in self.states().items():
            self.note(channel, replace(state, failures=0, next_try=""))
        self.save()
        return len(parked) - unreadable, unreadable

    def state(self, channel: str) -> ChannelState:
        return self._states.get(channel, ChannelState())

    def states(self) -> dict[str, ChannelState]:
        return dict(self._states)

    def note(self, channel: str, state: ChannelState) -> None:
        """Know this of a channel from now on; `save` makes it durable."""
        if self._states.get(channel) != state:
            self._states[channel] = state
            self._unsaved = True

    def save(self) -> None:
        """Make durable what was noted."""
        if self._unsaved:
            plain = {name: asdict(known) for name, known in sorted(self._states.items())}
            self._files.write(_CHANNELS, _encoded(plain))
            self._unsaved = False

    def enable(self, channel: str) -> None:
        """Leave word that the channel is in use again; needs no lock."""
        self._files.write(f"{_ENABLE}{channel}", b"")

    def enabled(self) -> list[str]:
        """The channels that were enabled since the last `take_enabled`."""
        return [name.removeprefix(_ENABLE) for name in self._files.names() if name.startswith(_ENABLE)]

    def take_enabled(self) -> None:
        """Use again what was enabled."""
        for channel in self.enabled():
            self.note(channel, replace(self.state(channel), failures=0, next_try="", disabled=""))
            self.save()
            self._files.remove(f"{_ENABLE}{channel}")

    def read(self, name: str) -> bytes | None:
        """The content of one of the other files; None if there is none."""
        return self._files.read(name)

    def write(self, name: str, data: bytes) -> None:
        """Replace one of the other files. Durable when this returns."""
        self._files.write(name, data)

    def remove(self, name: str) -> None:
        """Remove one of the other files, if it is there."""
        self._files.remove(name)

    def set_aside(self, name: str) -> None:
        """Keep one of the other files that is of no use, for somebody to look at."""
        self._files.set_aside(name, f"{name}.damaged")

    def has_wake(self) -> bool:
        return WAKE in self._files.names()

    def _items(self, state: str, channel: str | None) -> list[QueueItem]:
        found = (i for i in self._all.values() if i.state == state and channel in (None, i.channel))
        return sorted(found, key=lambda item: (item.number, item.id))

    def _add(self, item: QueueItem) -> None:
        self._all[item.file] = item
        if item.state == WAITING:
            self._ids.add((item.channel, item.id))

    def _drop(self, item: QueueItem) -> None:
        self._all.pop(item.file, None)
        if item.state == WAITING:
            self._ids.discard((item.channel, item.id))

    def _read_states(self) -> dict[str, ChannelState]:
        """What is whole of it. What is lost is when to try again: trying at once does no harm."""
        try:
            known = list(json.loads(self._files.read(_CHANNELS) or b"{}").items())
        except (ValueError, AttributeError, RecursionError):
            return {}
        states = {}
        for name, plain in known:
            with suppress(ValueError, TypeError):
                states[name] = ChannelState.from_dict(plain)
        return states


def _encoded(plain: dict[str, Any]) -> bytes:
    return (json.dumps(plain, separators=(",", ":")) + "\n").encode("ascii")
