"""The words of each message: what an incident, a summary or the outbox itself has to tell. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from qt_audit.delivery.gathering.incidents import Incident, Notification
from qt_audit.delivery.message import Message
from qt_audit.delivery.wording.templates import say
from qt_audit.reading.times import seconds_between
from qt_audit.urgency import CRITICAL, LATER, NOW

_SEVERITY = {LATER: "info", NOW: "warning", CRITICAL: "critical"}
_MOST_TITLES = 50
_MERGED = "messages"
"""The field of a digest that says how many messages it stands for."""


def of_notification(told: Notification, host: str, now: str, head: tuple[int, str] | None) -> Message:
    """What is told of an incident."""
    one = told.incident
    over = told.kind in ("recovery", "calm")
    info = over or (told.kind == "notice" and one.urgency != CRITICAL)
    days = str(int(seconds_between(one.opened, now) // 86_400)) if told.kind == "reminder" else ""
    title, text = _title_and_text(told, host, now)
    return Message(
        id=identity(told.kind, one.subject, one.opened, str(told.entry_seq), str(one.flapping), days),
        kind="recovery" if over else told.kind,
        severity="info" if info else _SEVERITY[one.urgency],
        title=title,
        text=text,
        created=now if told.kind in ("reminder", "calm") else one.last,
        host=host,
        fields=_facts(one),
        head=head,
    )


def _title_and_text(told: Notification, host: str, now: str) -> tuple[str, str]:
    one = told.incident
    kind = "flapping" if told.kind == "alert" and one.flapping else told.kind
    lasted = one.lasted_s if kind == "recovery" else seconds_between(one.opened, now)
    facts = {
        "host": host,
        "what": _what(one),
        "opened": one.opened,
        "closed": one.closed,
        "count": one.count,
        "times": len(one.beginnings),
        "lasted": duration(lasted),
        "sign": say("alert", "critical_sign" if one.urgency == CRITICAL else "sign"),
    }
    text = say(kind, "text_of_one" if kind == "recovery" and one.count == 1 else "text", **facts)
    if kind == "alert" and one.count > 1:
        text = f"{text} {say(kind, 'more', **facts)}"
    if kind in ("alert", "reminder", "recovery") and one.mended:
        text = f"{text}\n{one.mended}"
    return say(kind, "title", **facts), text


def _what(one: Incident) -> str:
    """The sentence, after the threshold's name, which the monitor's sentences do not hold."""
    name = one.subject.removeprefix("threshold ")
    return one.text if name == one.subject or name in one.text else f"{name}: {one.text}"


def _facts(one: Incident) -> tuple[tuple[str, str], ...]:
    runs = [("run", run) for run in one.runs[:1]]
    return (*one.facts, ("seq", str(one.seq)), *runs)


def of_summary(plain: Mapping[str, Any], text: str, html: str | None, host: str) -> Message:
    """A day's, week's or month's summary, from its filed form. Raises KeyError, TypeError or ValueError."""
    head, failed, never = plain["head"], int(plain["failed"]["count"]), int(plain["never_ended"]["count"])
    facts = (("actions", str(plain["actions"])), ("failed", str(failed)), ("never ended", str(never)))
    title = next((line.strip() for line in text.splitlines() if line.strip()), plain["period"]["name"])
    return Message(
        id=identity("summary", str(plain["period"]["name"])),
        kind="summary",
        severity="warning" if failed or never else "info",
        title=say("summary", "title", host=host, what=title),
        text=text,
        created=str(plain["as_of"]),
        host=host,
        fields=facts,
        html=html,
        head=None if head is None else (int(head["seq"]), str(head["hash"])),
    )


def digest(messages: Sequence[Message], why: str, host: str, created: str) -> Message:
    """Many messages as one, which says how many they were."""
    count = sum(_stands_for(message) for message in messages)
    lines = [
        say("digest", "line", time=message.created[:19].replace("T", " "), title=message.title)
        for message in messages
    ]
    if len(lines) > _MOST_TITLES:
        more = len(lines) - _MOST_TITLES
        lines = [say("digest", "more", count=more), *lines[more:]]
    return Message(
        id=identity("digest", *(message.id for message in messages)),
        kind="digest",
        severity="warning" if any(message.severity != "info" for message in messages) else "info",
        title=say("digest", "title", host=host, count=count, why=why),
        text="\n".join(lines),
        created=created,
        host=host,
        fields=((_MERGED, str(count)),),
    )


def _stands_for(message: Message) -> int:
    count = dict(message.fields).get(_MERGED, "") if message.kind == "digest" else ""
    return int(count) if count.isdecimal() else 1


def about_delivery(kind: str, host: str, created: str, **facts: str) -> Message:
    """What went wrong with the delivery itself: unsound, disabled or given_up."""
    title, text = (say(kind, key, host=host, **facts) for key in ("title", "text"))
    identified = identity("notice", title.partition(": ")[2], text, created)
    return Message(identified, "notice", "warning", title, text, created, host)


def test(channel: str, host: str, created: str) -> Message:
    """What `notify_test` sends."""
    title, text = (say("test", key, host=host, channel=channel) for key in ("title", "text"))
    return Message(identity("test", channel, created), "test", "info", title, text, created, host)


def identity(*parts: str) -> str:
    """The id of a message: the same parts give the same one, so that it is never queued twice."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def duration(seconds: float) -> str:
    """`42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    whole = round(seconds)
    for large, small, size, part in (("d", "h", 86_400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"
