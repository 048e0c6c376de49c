"""A message, independent of any channel's format, and the result of sending it. Plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from qt_audit.delivery import stored_data

KINDS = ("alert", "recovery", "reminder", "digest", "summary", "notice", "test")
SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True)
class Message:
    """A message. Its texts are redacted but may contain any characters; each channel escapes them."""

    id: str
    """The same at each attempt, so that a receiver can drop a repeated message."""
    kind: str
    severity: str
    title: str
    text: str
    created: str
    """When it happened, written as in entries."""
    host: str
    fields: tuple[tuple[str, str], ...] = ()
    """Short facts, name and value, the most important first."""
    html: str | None = None
    """The HTML part of a mail: a whole page that needs no other file."""
    head: tuple[int, str] | None = None
    """The chain's head (`seq` and hash). The receiver becomes an outside witness of the record."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Message:
        """The message that as_dict() returned. Raises KeyError, TypeError or ValueError for other data."""
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
class SendResult:
    """The result of an attempt to send a message."""

    state: str
    """sent; transient (try again later); permanent (it will not work until somebody changes something)."""
    says: str
    """One line for people, without any secret."""
    status: int | None = None
    """The HTTP status or SMTP code, if there was one."""
    retry_after: float | None = None
    """Seconds that the receiver asks to wait; after a message was sent: before the next one."""
    done: int = 0
    """Parts of the message that were delivered so far. The next send() of this message continues there."""


SENT, TRANSIENT, PERMANENT = "sent", "transient", "permanent"


class Values(Protocol):
    """Values of settings by name, as qt_audit.settings.loading reads them."""

    def __getitem__(self, name: str, /) -> Any: ...


def channel_name(kind: str, address: str) -> str:
    """A name such as `discord-3f9a1c`. It distinguishes addresses but does not reveal them."""
    return f"{kind}-{hashlib.sha256(address.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


class Channel(Protocol):
    """One address that messages are sent to. Does not print its secret."""

    @property
    def name(self) -> str:
        """The name from channel_name(), always the same for an address."""

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> SendResult:
        """Send a message within `timeout` seconds in all. Never raises for a network or receiver error.

        `late_s`: seconds since the message was created; the text mentions a delay of more than a few minutes.
        `done`: parts that earlier attempts delivered (SendResult.done); they are not sent again.
        """
