"""Long texts in several parts under rate limits: in order, no part twice, none lost."""

from __future__ import annotations

import pytest

from qt_audit.delivery.channels.discord import Discord
from qt_audit.delivery.channels.json_webhook import JsonWebhook
from qt_audit.delivery.channels.slack import Slack
from qt_audit.delivery.message import SENT, TRANSIENT
from tests.support import receivers
from tests.support.messages import message
from tests.support.receivers import DISCORD_PATH, HOOK_PATH, SLACK_PATH, TOKEN, Receiver, Reply

LONG = message(text="\n".join(f"line {number} of a long summary" for number in range(800)))
SECRET = "whsec_c2VjcmV0LXRoYXQtc2lnbnMtbWVzc2FnZXM="


def titles(receiver: Receiver) -> list[str]:
    """The part number in the title of each accepted message."""
    bodies = [arrival.json for arrival in receiver.taken]
    found = [b["embeds"][0]["title"] if "embeds" in b else b["blocks"][0]["text"]["text"] for b in bodies]
    return [title.rpartition(" ")[2] for title in found]


def all_of(parts: int) -> list[str]:
    return [f"({number}/{parts})" for number in range(1, parts + 1)]


@pytest.mark.parametrize("kind", ["discord", "slack"])
def test_parts_arrive_in_order(kind: str) -> None:
    contract, path = (receivers.discord, DISCORD_PATH) if kind == "discord" else (receivers.slack, SLACK_PATH)
    with Receiver(contract, path) as receiver:
        channel = Discord("d", receiver.url) if kind == "discord" else Slack("s", receiver.url)
        result = channel.send(LONG, 20)
        assert result.state == SENT
        assert titles(receiver) == all_of(result.done)
        assert result.done > 2


@pytest.mark.parametrize("kind", ["discord", "slack"])
def test_after_a_break_the_next_attempt_goes_on_and_repeats_nothing(kind: str) -> None:
    contract, path = (receivers.discord, DISCORD_PATH) if kind == "discord" else (receivers.slack, SLACK_PATH)
    with Receiver(contract, path) as receiver:
        channel = Discord("d", receiver.url) if kind == "discord" else Slack("s", receiver.url)
        receiver.script = [Reply(200), Reply(200), Reply(502)]
        first = channel.send(LONG, 20)
        assert (first.state, first.done) == (TRANSIENT, 2)
        assert "2 of " in first.says
        second = channel.send(LONG, 20, late_s=7200.0, done=first.done)
        assert second.state == SENT
        assert titles(receiver) == all_of(second.done)


def test_a_short_pause_between_parts_is_kept_to() -> None:
    with Receiver(receivers.discord, DISCORD_PATH) as receiver:
        limit = {"message": "You are being rate limited.", "retry_after": 0.05, "global": False}
        receiver.script = [
            Reply.of_json(429, limit, Retry_After="0.05"),
            Reply.of_json(200, {"id": "1"}, X_RateLimit_Remaining="0", X_RateLimit_Reset_After="0.05"),
            Reply.of_json(429, limit),
        ]
        result = Discord("d", receiver.url).send(LONG, 20)
        assert result.state == SENT
        assert titles(receiver) == all_of(result.done)
        assert len(receiver.arrivals) == result.done + 2


def test_a_long_pause_is_left_to_the_caller() -> None:
    with Receiver(receivers.discord, DISCORD_PATH) as receiver:
        limit = {"message": "You are being rate limited.", "retry_after": 64.57, "global": True}
        receiver.script = [Reply.of_json(200, {"id": "1"}), Reply.of_json(429, limit)]
        result = Discord("d", receiver.url).send(LONG, 20)
        assert (result.state, result.retry_after, result.done) == (TRANSIENT, 64.57, 1)
        assert "in all of Discord" in result.says
        assert len(receiver.arrivals) == 2


def test_the_longer_of_two_pauses_counts() -> None:
    with Receiver(receivers.discord, DISCORD_PATH) as receiver:
        receiver.script = [Reply.of_json(429, {"retry_after": 64.57}, Retry_After="65")]
        assert Discord("d", receiver.url).send(message(), 20).retry_after == 65.0


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"[" * 100_000, b'{"retry_after": "x"}', b'{"retry_after": -1}']
)
def test_a_429_without_a_usable_pause_is_told_as_it_is(body: bytes) -> None:
    with Receiver(receivers.discord, DISCORD_PATH) as receiver:
        receiver.script = [Reply(429, {}, body)]
        result = Discord("d", receiver.url).send(message(), 20)
        assert (result.state, result.retry_after) == (TRANSIENT, None)
        assert len(receiver.arrivals) == 1


def test_the_last_message_before_a_limit_says_how_long_the_next_must_wait() -> None:
    with Receiver(receivers.discord, DISCORD_PATH) as receiver:
        receiver.script = [
            Reply.of_json(200, {"id": "1"}, X_RateLimit_Remaining="0", X_RateLimit_Reset_After="1.5")
        ]
        result = Discord("d", receiver.url).send(message(), 20)
        assert (result.state, result.retry_after) == (SENT, 1.5)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (f"/api/webhooks/999999999999999999/{TOKEN}", "(10015 Unknown Webhook)"),
        (f"/api/webhooks/123456789012345678/{TOKEN}x", "(50027 Invalid Webhook Token)"),
    ],
)
def test_discord_says_what_is_wrong(path: str, says: str) -> None:
    with Receiver(receivers.discord, path) as receiver:
        result = Discord("d", receiver.url).send(message(), 20)
        assert result.says.endswith(says)


@pytest.mark.parametrize(
    "words", [f"no such path {DISCORD_PATH}", TOKEN, f"not {TOKEN[:30]}", "a" * 99 + "!", "x\ny", {"a": 1}]
)
def test_discords_words_are_left_out_where_they_may_hold_the_token(words: object) -> None:
    with Receiver(receivers.discord, DISCORD_PATH) as receiver:
        receiver.script = [Reply.of_json(400, {"message": words, "code": 1})]
        assert Discord("d", receiver.url).send(message(), 20).says.endswith("(1)")


def test_slack_says_what_is_wrong() -> None:
    with Receiver(receivers.slack, "/services/gone") as receiver:
        result = Slack("s", receiver.url).send(message(), 20)
        assert result.says.endswith("(no_service: the webhook was removed or disabled)")


def test_a_receiver_verifies_the_signature_and_drops_a_repeat_by_its_id() -> None:
    with Receiver(receivers.receiver_of_ours(SECRET), HOOK_PATH) as receiver:
        good, forged = JsonWebhook("j", receiver.url, SECRET), JsonWebhook("j", receiver.url, "0" * 16)
        assert good.send(message(), 20).status == 202
        assert good.send(message(), 20, late_s=3600.0).status == 202
        assert forged.send(message(), 20).status == 401
        assert JsonWebhook("j", receiver.url).send(message(), 20).status == 401
        assert {arrival.headers["webhook-id"] for arrival in receiver.taken} == {"01JD-alert-7"}
        assert {arrival.headers["idempotency-key"] for arrival in receiver.taken} == {"01JD-alert-7"}
        assert [arrival.json["late_s"] for arrival in receiver.taken] == [0, 3600]
