"""The cursor: how far the record and the filed summaries were read, and the incidents so far. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qt_audit.delivery import stored_data
from qt_audit.delivery.incidents.incident import Incident, Incidents
from qt_audit.delivery.message import Message
from qt_audit.summary.period import period_at

CURSOR = "cursor.json"


class CursorError(ValueError):
    """The data is not a cursor."""


@dataclass
class Cursor:
    """It is stored as one file, and only after the messages found so far are in the outbox."""

    seq: int
    """Number of the last entry that was read."""
    ts: str
    """Time of that entry; empty if the record had none."""
    began: str
    """When reading began. Nothing before it is sent."""
    incidents: Incidents = field(default_factory=Incidents)
    summaries: dict[str, str] = field(default_factory=dict)
    """By kind of summary: the first day of the next period whose summary is to be sent."""
    held: list[Message] = field(default_factory=list)
    """Messages that quiet hours hold."""

    def encoded(self) -> bytes:
        """The content of cursor.json."""
        plain = {
            "seq": self.seq,
            "ts": self.ts,
            "began": self.began,
            "incidents": [incident.as_dict() for incident in self.incidents.by_subject.values()],
            "summaries": self.summaries,
            "held": [message.as_dict() for message in self.held],
        }
        return (json.dumps(plain, separators=(",", ":")) + "\n").encode("ascii")


def decode(data: bytes) -> Cursor:
    """The cursor that encoded() returned. Raises CursorError for other data."""
    try:
        return _read(json.loads(data))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CursorError(f"not a cursor ({type(error).__name__})") from None


def _read(plain: Mapping[str, Any]) -> Cursor:
    incidents = [Incident.from_dict(item) for item in plain["incidents"]]
    return Cursor(
        stored_data.count(plain["seq"]),
        "" if plain["ts"] == "" else stored_data.instant(plain["ts"]),
        stored_data.instant(plain["began"]),
        Incidents({incident.subject: incident for incident in incidents}),
        {kind: f"{period_at(kind, day).first_day}" for kind, day in plain["summaries"].items()},
        [Message.from_dict(item) for item in plain["held"]],
    )
