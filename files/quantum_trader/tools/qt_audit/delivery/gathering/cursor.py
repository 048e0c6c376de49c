"""How far the record and the filed summaries were read, and what is to be remembered of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qt_audit.delivery.gathering.incidents import Incident, Incidents
from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox import stored_data
from qt_audit.summary.period import period_at

CURSOR = "cursor.json"


class CursorError(ValueError):
    """The text is no cursor."""


@dataclass
class Cursor:
    """Moves on only after what was found is in the outbox; kept in one piece."""

    seq: int
    """The last entry that was read."""
    ts: str
    began: str
    """When reading began: what was before is not told."""
    incidents: Incidents = field(default_factory=Incidents)
    summaries: dict[str, str] = field(default_factory=dict)
    """Of each kind: the first day of the next period whose summary is to be sent."""
    held: list[Message] = field(default_factory=list)
    """Held back by quiet hours."""

    def encoded(self) -> bytes:
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
    """The cursor that was encoded. Raises CursorError."""
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
