"""The outbox: messages that wait for each channel, oldest first, in status/outbox; nothing is lost there.

    waiting.<channel>.<time>.<id>.json     to be sent
    parked.<channel>.<time>.<id>.json      given up, and why; kept for a person to look at
    channels.json                          what is known of each channel: failures, when to try again
    cursor.json                            how far the record has been read, and the incidents that are open
    wake.<seq>                             an entry that somebody must know of was written

A message is durable before the cursor moves on, and is removed only once it was taken: it is delivered
at least once, and a crash between both repeats at most the one that was on its way. The same
id is never put there twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from qt_audit.delivery.message import Message
from qt_audit.place import Place
from qt_audit.reports import Reports

DIRECTORY = "outbox"
MODE = 0o600
MOST_MESSAGES = 10_000
MOST_BYTES = 100 << 20
WAKE = "wake."
_LOCK = ".lock"
_CHANNELS, _CURSOR = "channels.json", "cursor.json"
_WAITING, _PARKED = "waiting", "parked"


def opened(place: Place, timeout: float) -> Reports:
    """The outbox's directory and its lock, as a context: one delivers at a time. Raises OSError."""
    return Reports(place, timeout, DIRECTORY, _LOCK, MODE)


@dataclass(frozen=True)
class ChannelState:
    """What is remembered of a channel. Times are as entries write them."""

    failures: int = 0
    """Transient failures in a row."""
    next_try: str = ""
    """Not before then."""
    disabled: str = ""
    """Why nothing is sent until `notify_test` succeeds; empty where it is in use."""
    says: str = ""
    """What came back last."""
    sent: int = 0
    last_sent: str = ""


@dataclass(frozen=True)
class Waiting:
    """A file of the outbox, by its name's parts."""

    state: str
    channel: str
    created: str
    id: str

    @property
    def file(self) -> str:
        return f"{self.state}.{self.channel}.{self.created}.{self.id}.json"

    @classmethod
    def named(cls, name: str) -> Waiting | None:
        """What a file's name says; None if it is no message's."""
        parts = name.split(".")
        if len(parts) != 5 or parts[0] not in (_WAITING, _PARKED) or parts[4] != "json":
            return None
        return cls(*parts[:4])


class Outbox:
    """The messages and what is known of the channels; to be used while the directory's lock is held.

    Raises OSError if the directory cannot be used.
    """

    def __init__(self, files: Reports) -> None:
        self._files = files
        self._states = self._read_states()

    def put(self, message: Message, channels: Sequence[str]) -> None:
        """Let it wait for each channel. Durable when this returns; doing it again changes nothing."""
        there = {(found.channel, found.id) for found in self._all(_WAITING)}
        for channel in channels:
            if (channel, message.id) not in there:
                waiting = Waiting(_WAITING, channel, _compact(message.created), message.id)
                self._files.write(waiting.file, _encoded({"message": message.as_dict()}))

    def waiting(self, channel: str) -> list[Waiting]:
        """What waits for a channel, oldest first."""
        return [found for found in self._all(_WAITING) if found.channel == channel]

    def parked(self) -> list[Waiting]:
        """What was given up."""
        return list(self._all(_PARKED))

    def channels(self) -> set[str]:
        """The channels that something waits for."""
        return {found.channel for found in self._all(_WAITING)}

    def bytes(self, waiting: Sequence[Waiting]) -> int:
        """How much they take, in bytes."""
        return sum(self._files.size(found.file) for found in waiting)

    def message(self, waiting: Waiting) -> Message | None:
        """The message in a file; None if the file cannot be understood."""
        try:
            plain = json.loads(self._files.read(waiting.file) or b"")
            return Message.from_dict(plain["message"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def done(self, waiting: Waiting) -> None:
        """It was taken."""
        self._files.remove(waiting.file)

    def park(self, waiting: Waiting, why: str) -> None:
        """Give it up, and keep it with the reason."""
        try:
            plain = json.loads(self._files.read(waiting.file) or b"")
        except ValueError:
            self._files.set_aside(waiting.file, replace(waiting, state=_PARKED).file)
            return
        self._files.write(replace(waiting, state=_PARKED).file, _encoded({**plain, "parked": why}))
        self._files.remove(waiting.file)

    def retry(self) -> int:
        """Let everything that was parked wait again, and try all channels at once; how many there are."""
        parked = self.parked()
        for found in parked:
            self._files.set_aside(found.file, replace(found, state=_WAITING).file)
        for channel, state in list(self._states.items()):
            self.note(channel, replace(state, failures=0, next_try=""))
        return len(parked)

    def state(self, channel: str) -> ChannelState:
        return self._states.get(channel, ChannelState())

    def states(self) -> dict[str, ChannelState]:
        return dict(self._states)

    def note(self, channel: str, state: ChannelState) -> None:
        """Remember this of a channel. Durable when this returns."""
        if self._states.get(channel) != state:
            self._states[channel] = state
            plain = {name: asdict(known) for name, known in sorted(self._states.items())}
            self._files.write(_CHANNELS, _encoded(plain))

    def cursor(self) -> dict[str, Any] | None:
        """What was kept by `move`; None at the very beginning, or if it is damaged."""
        try:
            found = json.loads(self._files.read(_CURSOR) or b"null")
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def move(self, cursor: dict[str, Any]) -> None:
        """Keep how far the record was read. Durable when this returns."""
        self._files.write(_CURSOR, _encoded(cursor))

    def wakes(self) -> list[str]:
        return [name for name in self._files.names() if name.startswith(WAKE)]

    def forget_wakes(self, names: Sequence[str]) -> None:
        for name in names:
            self._files.remove(name)

    def _all(self, state: str) -> Iterator[Waiting]:
        found = (Waiting.named(name) for name in self._files.names())
        yield from sorted(
            (item for item in found if item is not None and item.state == state),
            key=lambda item: (item.created, item.id),
        )

    def _read_states(self) -> dict[str, ChannelState]:
        try:
            plain = json.loads(self._files.read(_CHANNELS) or b"{}")
            return {name: ChannelState(**fields) for name, fields in plain.items()}
        except (ValueError, TypeError, AttributeError):
            return {}  # what is lost is when to try again: trying at once does no harm


def _compact(ts: str) -> str:
    """A time as a part of a file's name: 20261125T044950-123456."""
    return ts.replace("-", "").replace(":", "").replace(".", "-").rstrip("Z")


def _encoded(plain: dict[str, Any]) -> bytes:
    return (json.dumps(plain, separators=(",", ":")) + "\n").encode("ascii")
