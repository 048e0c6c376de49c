"""Compose the messages about incidents, summaries and the delivery itself. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from qt_audit.delivery.incidents.incident import Incident, Notification
from qt_audit.delivery.message import Message
from qt_audit.delivery.wording.templates import text_of
from qt_audit.reading.times import seconds_between
from qt_audit.urgency import CRITICAL, LATER, NOW

_SEVERITY = {LATER: "info", NOW: "warning", CRITICAL: "critical"}
_MAX_TITLES = 50
_MERGED = "messages"
"""The field of a digest that holds the number of messages merged into it."""


def notification_message(
    notification: Notification, host: str, now: str, head: tuple[int, str] | None
) -> Message:
    """The message of a notification about an incident. `head` is the record's last entry: number and hash."""
    incident = notification.incident
    over = notification.kind in ("recovery", "calm")
    info = over or (notification.kind == "notice" and incident.urgency != CRITICAL)
    days = (
        str(int(seconds_between(incident.opened, now) // 86_400)) if notification.kind == "reminder" else ""
    )
    title, text = _title_and_text(notification, host, now)
    return Message(
        id=message_id(
            notification.kind,
            incident.subject,
            incident.opened,
            str(notification.entry_seq),
            str(incident.flapping),
            days,
        ),
        kind="recovery" if over else notification.kind,
        severity="info" if info else _SEVERITY[incident.urgency],
        title=title,
        text=text,
        created=now if notification.kind in ("reminder", "calm") else incident.last,
        host=host,
        fields=_facts(incident),
        head=head,
    )


def _title_and_text(notification: Notification, host: str, now: str) -> tuple[str, str]:
    incident = notification.incident
    kind = "flapping" if notification.kind == "alert" and incident.flapping else notification.kind
    lasted = incident.duration_s if kind == "recovery" else seconds_between(incident.opened, now)
    facts = {
        "host": host,
        "what": _subject_text(incident),
        "opened": incident.opened,
        "closed": incident.closed,
        "count": incident.count,
        "times": len(incident.beginnings),
        "lasted": duration(lasted),
        "sign": text_of("alert", "critical_sign" if incident.urgency == CRITICAL else "sign"),
    }
    text = text_of(kind, "text_of_one" if kind == "recovery" and incident.count == 1 else "text", **facts)
    if kind == "alert" and incident.count > 1:
        text = f"{text} {text_of(kind, 'more', **facts)}"
    if kind in ("alert", "reminder", "recovery") and incident.mended:
        text = f"{text}\n{incident.mended}"
    return text_of(kind, "title", **facts), text


def _subject_text(incident: Incident) -> str:
    """The incident's sentence. The threshold's name comes first if the sentence does not contain it."""
    name = incident.subject.removeprefix("threshold ")
    return incident.text if name == incident.subject or name in incident.text else f"{name}: {incident.text}"


def _facts(incident: Incident) -> tuple[tuple[str, str], ...]:
    runs = [("run", run) for run in incident.runs[:1]]
    return (*incident.facts, ("seq", str(incident.seq)), *runs)


def summary_message(plain: Mapping[str, Any], text: str, html: str | None, host: str) -> Message:
    """The message of a summary, from its filed JSON and text. Raises KeyError, TypeError or ValueError."""
    head, failed, never = plain["head"], int(plain["failed"]["count"]), int(plain["never_ended"]["count"])
    facts = (("actions", str(plain["actions"])), ("failed", str(failed)), ("never ended", str(never)))
    title = next((line.strip() for line in text.splitlines() if line.strip()), plain["period"]["name"])
    return Message(
        id=message_id("summary", str(plain["period"]["name"])),
        kind="summary",
        severity="warning" if failed or never else "info",
        title=text_of("summary", "title", host=host, what=title),
        text=text,
        created=str(plain["as_of"]),
        host=host,
        fields=facts,
        html=html,
        head=None if head is None else (int(head["seq"]), str(head["hash"])),
    )


def digest_message(messages: Sequence[Message], why: str, host: str, created: str) -> Message:
    """One message in place of many. It lists their titles, and says how many they were and why."""
    count = sum(_stands_for(message) for message in messages)
    lines = [
        text_of("digest", "line", time=message.created[:19].replace("T", " "), title=message.title)
        for message in messages
    ]
    if len(lines) > _MAX_TITLES:
        more = len(lines) - _MAX_TITLES
        lines = [text_of("digest", "more", count=more), *lines[more:]]
    return Message(
        id=message_id("digest", *(message.id for message in messages)),
        kind="digest",
        severity="warning" if any(message.severity != "info" for message in messages) else "info",
        title=text_of("digest", "title", host=host, count=count, why=why),
        text="\n".join(lines),
        created=created,
        host=host,
        fields=((_MERGED, str(count)),),
    )


def _stands_for(message: Message) -> int:
    count = dict(message.fields).get(_MERGED, "") if message.kind == "digest" else ""
    return int(count) if count.isdecimal() else 1


def problem_message(kind: str, host: str, created: str, **facts: str) -> Message:
    """A message about a problem of the delivery itself: `unsound`, `disabled` or `given_up`."""
    title, text = (text_of(kind, key, host=host, **facts) for key in ("title", "text"))
    notice_id = message_id("notice", title.partition(": ")[2], text, created)
    return Message(notice_id, "notice", "warning", title, text, created, host)


def test_message(channel: str, host: str, created: str) -> Message:
    """The message that `notify_test` sends."""
    title, text = (text_of("test", key, host=host, channel=channel) for key in ("title", "text"))
    return Message(message_id("test", channel, created), "test", "info", title, text, created, host)


def message_id(*parts: str) -> str:
    """The id of a message. The same parts give the same id, so that no message is queued twice."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def duration(seconds: float) -> str:
    """A duration for people: `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    whole = round(seconds)
    for large, small, size, part in (("d", "h", 86_400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"
