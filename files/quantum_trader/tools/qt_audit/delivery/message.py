"""One message, before it takes the form of a channel; and what a channel answered. Plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from qt_audit.delivery.outbox import stored_data

KINDS = ("alert", "recovery", "reminder", "digest", "summary", "notice", "test")
SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True)
class Message:
    """What is to be told. Texts are redacted already, and may hold anything else: each channel escapes."""

    id: str
    """The same in each attempt: a receiver drops a repeat by it."""
    kind: str
    severity: str
    title: str
    text: str
    created: str
    """When it happened, as entries write times."""
    host: str
    fields: tuple[tuple[str, str], ...] = ()
    """Short facts by name, most important first."""
    html: str | None = None
    """The same for a mail's HTML part, whole and self-contained."""
    head: tuple[int, str] | None = None
    """The chain's head (`seq` and hash): the receiver is a witness from outside of what the record was."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Message:
        """The message that as_dict() gave. Raises KeyError, TypeError or ValueError for anything else."""
        head = plain["head"]
        fields = tuple((str(name), str(value)) for name, value in plain["fields"])
        message = cls(
            **{**plain, "fields": fields, "head": None if head is None else (int(head[0]), str(head[1]))}
        )
        for text in (message.id, message.kind, message.severity, message.title, message.text, message.host):
            stored_data.text(text)
        if message.html is not None:
            stored_data.text(message.html)
        stored_data.instant(message.created)
        return message


@dataclass(frozen=True)
class Answer:
    """What came back. `says` is one line for people and holds no secret."""

    state: str
    """sent; transient (try again later); permanent (it is never taken: somebody must change something)."""
    says: str
    status: int | None = None
    """The HTTP status or SMTP code, where there was one."""
    retry_after: float | None = None
    """Seconds that the receiver asked to wait; of a message that was sent: before the next one."""
    done: int = 0
    """Of a text that goes in several parts, how many were taken: for the next send() of this message."""


SENT, TRANSIENT, PERMANENT = "sent", "transient", "permanent"


class Values(Protocol):
    """Settings by name, as qt_audit.settings.loading reads them."""

    def __getitem__(self, name: str, /) -> Any: ...


def channel_name(kind: str, address: str) -> str:
    """A name that tells addresses apart and gives none away: `discord-3f9a1c`."""
    return f"{kind}-{hashlib.sha256(address.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


class Channel(Protocol):
    """One address that messages go to. Prints itself without its secret."""

    @property
    def name(self) -> str:
        """Stable for the same address, as channel_name() makes it."""

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> Answer:
        """Hand it over within `timeout` seconds in all; never raises for what a network or receiver may do.

        `late_s`: for so many seconds it could not be delivered; more than a few minutes are said.
        `done`: parts that an earlier attempt got through (Answer.done); they are not sent again.
        """
