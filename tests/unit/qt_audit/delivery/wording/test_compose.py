"""The texts of messages: host, subject, since when, how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qt_audit.delivery.incidents.incident import Incident, Notification
from qt_audit.delivery.message import KINDS, Message
from qt_audit.delivery.wording import compose

OPENED, CLOSED, NOW = (f"2026-11-22T1{n}:00:00.000000Z" for n in (0, 2, 3))
FAILED = Incident("repair grafana", OPENED, OPENED, "Restarted Grafana - FAILED: no", 41, "now", ("r1",))
BREACH = replace(FAILED, subject="threshold disk /", text="Auto-heal: Triggered")
HEAD = (99, "ab" * 32)


def told(kind: str, incident: Incident, seq: int = 41) -> Message:
    message = compose.notification_message(Notification(kind, incident, seq), "vps", NOW, HEAD)
    assert message.kind in KINDS
    assert Message.from_dict(message.as_dict()) == message
    return message


def test_an_alert_names_the_host_the_sentence_and_since_when() -> None:
    message = told("alert", FAILED)
    assert message.title == "❌ vps: Restarted Grafana - FAILED: no"
    assert message.text == f"Since {OPENED}."
    assert (message.severity, message.created, message.head) == ("warning", OPENED, HEAD)
    assert message.fields == (("seq", "41"), ("run", "r1"))


def test_a_breach_is_told_with_the_name_of_its_threshold() -> None:
    assert told("alert", BREACH).title == "❌ vps: disk /: Auto-heal: Triggered"
    named = replace(BREACH, text="Auto-heal: disk / is flapping")
    assert told("alert", named).title == "❌ vps: Auto-heal: disk / is flapping"


def test_what_is_critical_looks_so() -> None:
    message = told("alert", replace(FAILED, urgency="critical"))
    assert (message.severity, message.title[0]) == ("critical", "🚨")


def test_a_recovery_says_how_long_it_lasted_and_what_mended_it() -> None:
    over = replace(
        BREACH, text="Auto-heal: Recovered", closed=CLOSED, last=CLOSED, count=3, mended="Restarted it"
    )
    message = told("recovery", over)
    assert message.title == "✅ vps: disk /: Auto-heal: Recovered"
    assert message.text == f"It lasted 2 h, from {OPENED} to {CLOSED}; 3 entries are about it.\nRestarted it"
    assert (message.severity, message.created) == ("info", CLOSED)


def test_a_reminder_says_for_how_long_it_has_been_open() -> None:
    message = told("reminder", FAILED)
    assert message.title == "⏰ vps: still open: Restarted Grafana - FAILED: no"
    assert message.text == f"Open for 3 h, since {OPENED}."
    assert message.created == NOW


def test_flapping_and_its_end_are_told_as_such() -> None:
    flapping = replace(FAILED, flapping=True, beginnings=(OPENED,) * 4, closed=CLOSED)
    assert told("alert", flapping).title == "🔁 vps: flapping: Restarted Grafana - FAILED: no"
    assert "4 times within an hour" in told("alert", flapping).text
    calm = told("calm", flapping)
    assert (calm.kind, calm.title) == (
        "recovery",
        "✅ vps: no longer flapping: Restarted Grafana - FAILED: no",
    )


def test_a_sentence_with_braces_or_percent_signs_stays_as_it_is() -> None:
    assert told("alert", replace(FAILED, text="100 % {host} {0}")).title == "❌ vps: 100 % {host} {0}"


def test_different_news_have_different_ids_and_the_same_the_same() -> None:
    ids = [
        told(kind, incident, seq).id
        for kind in ("alert", "reminder", "recovery", "calm", "notice")
        for incident in (FAILED, BREACH, replace(FAILED, opened=CLOSED), replace(FAILED, flapping=True))
        for seq in (41, 42)
    ]
    assert len(set(ids)) == len(ids)
    assert told("alert", FAILED).id == told("alert", replace(FAILED, count=7)).id


def test_each_days_reminder_is_another_message() -> None:
    ids = {
        compose.notification_message(
            Notification("reminder", FAILED, 41), "vps", f"2026-11-{day}T10:00:00.000000Z", None
        ).id
        for day in (23, 24, 25)
    }
    assert len(ids) == 3


def messages(n: int) -> list[Message]:
    return [
        Message(
            f"id{i}", "alert", "info", f"title {i}", "text", f"2026-11-22T10:{i % 60:02}:00.000000Z", "vps"
        )
        for i in range(n)
    ]


def test_a_digest_says_how_many_it_stands_for_and_lists_the_last() -> None:
    digest = compose.digest_message(messages(60), "held in quiet hours", "vps", NOW)
    assert digest.title == "📦 vps: 60 messages in one (held in quiet hours)"
    lines = digest.text.splitlines()
    assert lines[0].startswith("… 10 more before these")
    assert (len(lines), lines[-1]) == (51, "2026-11-22 10:59:00 title 59")


def test_a_digest_of_digests_counts_what_these_stand_for() -> None:
    inner = compose.digest_message(messages(1500), "too many were waiting", "vps", NOW)
    outer = compose.digest_message([inner, *messages(3)], "too many were waiting", "vps", NOW)
    assert outer.title == "📦 vps: 1,503 messages in one (too many were waiting)"


def test_a_digest_is_as_severe_as_what_is_in_it() -> None:
    calm, worse = messages(2), [*messages(2), replace(messages(1)[0], severity="warning")]
    assert [compose.digest_message(some, "x", "vps", NOW).severity for some in (calm, worse)] == [
        "info",
        "warning",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert compose.duration(seconds) == text
