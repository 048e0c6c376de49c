"""The words of each message: what an incident, a summary or the outbox itself has to tell. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from qt_audit.delivery import policy
from qt_audit.delivery.incidents import Incident, News
from qt_audit.delivery.message import Message
from qt_audit.times import seconds_between

_SEVERITY = {policy.LATER: "info", policy.NOW: "warning", policy.CRITICAL: "critical"}
_MOST_TITLES = 50


def of_news(news: News, host: str, now: str, head: tuple[int, str] | None) -> Message:
    """What is told of an incident."""
    incident = news.incident
    if news.kind == "recovery":
        title, text = f"✅ {host}: {incident.text}", _recovered(incident, news.lasted_s)
        created, severity = incident.closed or now, "info"
    elif news.kind == "reminder":
        title, text = f"⏰ {host}: still open: {incident.text}", f"Open since {incident.opened}."
        created, severity = now, _SEVERITY[incident.urgency]
    else:
        title, text = _alert(incident, host)
        created, severity = incident.told or now, _SEVERITY[incident.urgency]
    return Message(
        identity(news.kind, incident.subject, incident.opened, str(news.entry_seq), _day_of(news, now)),
        news.kind, severity, title, text, created, host, _facts(incident), None, head,
    )  # fmt: skip


def _day_of(news: News, now: str) -> str:
    """What tells one reminder from the next: after how many days it comes."""
    return str(int(seconds_between(news.incident.opened, now) // 86_400)) if news.kind == "reminder" else ""


def _alert(incident: Incident, host: str) -> tuple[str, str]:
    if incident.flapping:
        text = (
            f"It comes and goes: {len(incident.beginnings)} times within an hour. Told again once it is calm."
        )
        return f"🔁 {host}: flapping: {incident.text}", text
    sign = "🚨" if incident.urgency == policy.CRITICAL else "❌"
    return f"{sign} {host}: {incident.text}", f"Since {incident.opened}."


def _recovered(incident: Incident, lasted_s: float | None) -> str:
    if incident.flapping:
        return f"Calm again after coming and going {len(incident.beginnings)} times or more."
    entries = "1 entry tells" if incident.count == 1 else f"{incident.count} entries tell"
    lasted = f"It lasted {duration(lasted_s or 0.0)}, from {incident.opened} to {incident.closed}"
    return f"{lasted}; {entries} of it."


def _facts(incident: Incident) -> tuple[tuple[str, str], ...]:
    run = () if incident.run is None else (("run", incident.run),)
    return (*incident.facts, ("seq", str(incident.seq)), *run)


def of_summary(plain: Mapping[str, Any], text: str, html: str | None, host: str) -> Message:
    """A day's, week's or month's summary, from its filed form. Raises KeyError or TypeError."""
    period, head = plain["period"], plain["head"]
    title = text.splitlines()[0]
    failed = int(plain["failed"]["count"])
    never = int(plain["never_ended"]["count"])
    facts = [("actions", str(plain["actions"])), ("failed", str(failed)), ("never ended", str(never))]
    return Message(
        identity("summary", period["name"]), "summary", "warning" if failed or never else "info",
        f"{host}: {title}", text, str(plain["as_of"]), host, tuple(facts), html,
        None if head is None else (int(head["seq"]), str(head["hash"])),
    )  # fmt: skip


def digest(messages: Sequence[Message], why: str, host: str, created: str) -> Message:
    """Many messages as one, which says how many they were."""
    titles = [f"{message.created[:16]} {message.title}" for message in messages[-_MOST_TITLES:]]
    if len(messages) > _MOST_TITLES:
        titles.insert(0, f"… {len(messages) - _MOST_TITLES} more before these; the record has them all")
    severity = "warning" if any(message.severity != "info" for message in messages) else "info"
    return Message(
        identity("digest", *(message.id for message in messages)), "digest", severity,
        f"{host}: {len(messages)} messages in one ({why})", "\n".join(titles), created, host,
    )  # fmt: skip


def notice(what: str, text: str, host: str, created: str) -> Message:
    """Something about the delivery itself."""
    return Message(
        identity("notice", what, created), "notice", "warning", f"⚠️ {host}: {what}", text, created, host
    )


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
