"""The heartbeat: Healthchecks' protocol, within its limit, and never a reason to fail."""

from __future__ import annotations

import pytest

from qt_audit.delivery.heartbeat import FAIL, MAX_BODY_BYTES, START, SUCCESS, ping
from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT
from tests.support import receivers
from tests.support.receivers import TOKEN, Arrival, Receiver, Reply, raw


def healthchecks(_arrival: Arrival) -> Reply:
    return Reply(200, {"Content-Type": "text/plain; charset=utf-8"}, b"OK")


@pytest.mark.parametrize(
    ("path", "event", "asked"),
    [
        (f"/{TOKEN}", START, f"/{TOKEN}/start"),
        (f"/{TOKEN}", SUCCESS, f"/{TOKEN}"),
        (f"/{TOKEN}", FAIL, f"/{TOKEN}/fail"),
        (f"/{TOKEN}/?create=1", FAIL, f"/{TOKEN}/fail?create=1"),
    ],
)
def test_each_event_has_its_own_address(path: str, event: str, asked: str) -> None:
    with Receiver(healthchecks, path) as receiver:
        assert ping(receiver.url, event, "✅ 6 actions").state == SENT
        (arrival,) = receiver.arrivals
        assert (arrival.path, arrival.body.decode()) == (asked, "✅ 6 actions")


def test_a_long_text_is_cut_between_characters() -> None:
    with Receiver(healthchecks, "/x") as receiver:
        assert ping(receiver.url, SUCCESS, "x" + "é" * MAX_BODY_BYTES).state == SENT
        body = receiver.arrivals[0].body
        assert len(body) == MAX_BODY_BYTES - 1
        assert body.decode() == "x" + "é" * ((MAX_BODY_BYTES - 1) // 2)


def test_half_a_character_is_no_reason_to_fail() -> None:
    with Receiver(healthchecks, "/x") as receiver:
        assert ping(receiver.url, SUCCESS, "a\ud800b").state == SENT


@pytest.mark.parametrize(
    ("reply", "state", "says"),
    [
        (Reply(200, {}, b"OK (not found)"), PERMANENT, "this check"),
        (Reply(200, {}, b"OK (rate limited)"), TRANSIENT, "too many pings"),
        (Reply(400, {}, b"invalid url format"), PERMANENT, "400"),
        (Reply(404, {}, b"not found"), PERMANENT, "404"),
        (Reply(500), TRANSIENT, "500"),
    ],
)
def test_a_ping_that_does_not_count_is_told_of(reply: Reply, state: str, says: str) -> None:
    with Receiver(healthchecks, f"/{TOKEN}") as receiver:
        receiver.script = [reply]
        result = ping(receiver.url, SUCCESS)
        assert (result.state, says in result.says) == (state, True)
        assert TOKEN not in repr(result)


def test_a_receiver_that_hangs_holds_nobody() -> None:
    with raw(receivers.hang) as (port, _served):
        assert ping(f"http://127.0.0.1:{port}/{TOKEN}", START, timeout=0.3).state == TRANSIENT


@pytest.mark.parametrize("url", ["", "nonsense", "https://[::1", "https://x:99999999/", "https://\x00/"])
def test_an_address_that_is_none_never_raises(url: str) -> None:
    assert ping(url, START, timeout=1.0).state in (TRANSIENT, PERMANENT)
