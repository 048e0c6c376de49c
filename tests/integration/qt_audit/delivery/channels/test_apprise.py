"""Apprise in a child process: messages that it delivers or cannot deliver, and that it reveals no address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qt_audit.delivery.channels import apprise
from qt_audit.delivery.channels.apprise import Apprise
from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT
from tests.support import receivers
from tests.support.messages import HOSTILE, message
from tests.support.receivers import TOKEN, Arrival, Receiver, Reply, raw

LONG = 60.0


def anything(_arrival: Arrival) -> Reply:
    return Reply(200)


@pytest.fixture(autouse=True)
def nothing_shows_the_secret(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    yield
    out, err = capfd.readouterr()
    assert TOKEN not in out + err + caplog.text


def channel(url: str) -> Apprise:
    made = Apprise("apprise-1", url.replace("http://", "json://"))
    assert TOKEN not in f"{made} {made!r}"
    return made


@pytest.mark.parametrize(
    ("status", "state"), [(200, SENT), (204, SENT), (400, TRANSIENT), (404, TRANSIENT), (500, TRANSIENT)]
)
def test_apprise_delivers_or_does_not(status: int, state: str) -> None:
    with Receiver(anything, f"/{TOKEN}") as receiver:
        receiver.script = [Reply(status)]
        result = channel(receiver.url).send(message(), LONG)
        assert result.state == state
        assert TOKEN not in repr(result)
        (arrival,) = receiver.arrivals
        assert arrival.json["title"].endswith("FAILED: exit code 1")
        assert arrival.json["type"] == "failure"
        assert f"head 41 {'9f3a' * 16}" in arrival.json["message"]


def test_texts_that_attack_are_taken() -> None:
    with Receiver(anything, f"/{TOKEN}") as receiver:
        hostile = "\n".join(HOSTILE.values())
        assert channel(receiver.url).send(message(title=hostile, text=hostile), LONG).state == SENT
        assert len(receiver.taken) == 1


def test_a_receiver_that_hangs_holds_nobody() -> None:
    with raw(receivers.hang) as (port, _served):
        result = channel(f"http://127.0.0.1:{port}/{TOKEN}").send(message(), 0.5)
    assert (result.state, result.says) == (TRANSIENT, "no answer within 0.5 s")


def test_an_address_that_apprise_does_not_know_is_told_of() -> None:
    result = channel(f"nosuchservice://{TOKEN}/").send(message(), LONG)
    assert result.state == PERMANENT
    assert "does not know this kind of address" in result.says


def test_where_apprise_is_not_installed_one_line_says_how() -> None:
    assert apprise.MISSING == "QT_NOTIFY_URLS needs Apprise; run `apt install apprise`"
