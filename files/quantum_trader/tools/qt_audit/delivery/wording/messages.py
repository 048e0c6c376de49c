"""The words of each message: what an incident, a summary or the outbox itself has to tell. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from qt_audit import urgency as policy
from qt_audit.delivery.gathering.incidents import Incident, News
from qt_audit.delivery.message import Message
from qt_audit.reading.times import seconds_between

_SEVERITY = {policy.LATER: "info", policy.NOW: "warning", policy.CRITICAL: "critical"}
_MOST_TITLES = 50
Said = tuple[tuple[str, str], str]
"""The sign and the first words of a title, and the text."""
_MERGED = "messages"
"""The field of a digest that says how many messages it stands for."""


def of_news(news: News, host: str, now: str, head: tuple[int, str] | None) -> Message:
    """What is told of an incident."""
    one = news.incident
    sign, text = _SAID[news.kind](one, now)
    over = news.kind in ("recovery", "calm")
    info = over or (news.kind == "notice" and one.urgency != policy.CRITICAL)
    days = str(int(seconds_between(one.opened, now) // 86_400)) if news.kind == "reminder" else ""
    return Message(
        id=identity(news.kind, one.subject, one.opened, str(news.entry_seq), str(one.flapping), days),
        kind="recovery" if over else news.kind,
        severity="info" if info else _SEVERITY[one.urgency],
        title=f"{sign[0]} {host}: {sign[1]}{_what(one)}",
        text=text,
        created=now if news.kind in ("reminder", "calm") else one.last,
        host=host,
        fields=_facts(one),
        head=head,
    )


def _what(one: Incident) -> str:
    """The sentence, after the threshold's name, which the monitor's sentences do not hold."""
    name = one.subject.removeprefix("threshold ")
    return one.text if name == one.subject or name in one.text else f"{name}: {one.text}"


def _alert(one: Incident, now: str) -> Said:
    if one.flapping:
        text = f"It comes and goes: {len(one.beginnings)} times within an hour. Told again once it is calm."
        return ("🔁", "flapping: "), text
    sign = "🚨" if one.urgency == policy.CRITICAL else "❌"
    more = f" {one.count} entries tell of it." if one.count > 1 else ""
    return (sign, ""), f"Since {one.opened}.{more}{_mended(one)}"


def _reminder(one: Incident, now: str) -> Said:
    lasts = duration(seconds_between(one.opened, now))
    return ("⏰", "still open: "), f"Open for {lasts}, since {one.opened}.{_mended(one)}"


def _recovery(one: Incident, now: str) -> Said:
    entries = "1 entry tells" if one.count == 1 else f"{one.count} entries tell"
    text = f"It lasted {duration(one.lasted_s)}, from {one.opened} to {one.closed}; {entries} of it."
    return ("✅", ""), f"{text}{_mended(one)}"


def _calm(one: Incident, now: str) -> Said:
    return ("✅", "calm again: "), f"It came and went; it has been well since {one.closed}."


def _notice(one: Incident, now: str) -> Said:
    return ("ℹ️", ""), f"Recorded at {one.opened}."


_SAID = {
    "alert": _alert,
    "reminder": _reminder,
    "recovery": _recovery,
    "calm": _calm,
    "notice": _notice,
}


def _mended(one: Incident) -> str:
    return f"\n{one.mended}" if one.mended else ""


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
        title=f"{host}: {title}",
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
    lines = [f"{message.created[:19].replace('T', ' ')} {message.title}" for message in messages]
    if len(lines) > _MOST_TITLES:
        more = len(lines) - _MOST_TITLES
        lines = [f"… {more} more before these; the record has them all", *lines[more:]]
    return Message(
        id=identity("digest", *(message.id for message in messages)),
        kind="digest",
        severity="warning" if any(message.severity != "info" for message in messages) else "info",
        title=f"📦 {host}: {count:,} messages in one ({why})",
        text="\n".join(lines),
        created=created,
        host=host,
        fields=((_MERGED, str(count)),),
    )


def _stands_for(message: Message) -> int:
    count = dict(message.fields).get(_MERGED, "") if message.kind == "digest" else ""
    return int(count) if count.isdecimal() else 1


def notice(what: str, text: str, host: str, created: str) -> Message:
    """Something about the delivery itself."""
    return Message(
        identity("notice", what, text, created), "notice", "warning", f"⚠️ {host}: {what}", text, created, host
    )


def test(channel: str, host: str, created: str) -> Message:
    """What `notify_test` sends."""
    return Message(
        identity("test", channel, created),
        "test",
        "info",
        f"🔔 {host}: test message",
        f"The channel {channel} works: alerts and summaries of {host} come here.",
        created,
        host,
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
