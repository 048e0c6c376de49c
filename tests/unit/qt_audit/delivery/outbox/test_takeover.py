"""A new address takes over the undelivered messages of the address that it replaced."""

from __future__ import annotations

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, SendResult
from tests.support.delivering import RecordingChannel, StartVps

DOWN = SendResult(TRANSIENT, "nobody listens there")
GONE = SendResult(PERMANENT, "answered 404", 404)
DAY = 86_400.0


def test_a_new_address_takes_over_what_the_one_it_replaced_has_not_delivered(start_vps: StartVps) -> None:
    """Queued and parked messages are sent to it in order, each once."""
    old = RecordingChannel(
        "slack-aaaaaa", results=[SendResult(SENT, "taken with 200", 200), GONE], always=DOWN
    )
    vps = start_vps(old)
    for name in ("Taken", "Parked", "Waits"):
        vps.write(f"{name} - FAILED: x")
        vps.deliver()
    assert old.titles == ["Taken - FAILED: x"]
    new, mail = RecordingChannel("slack-bbbbbb"), RecordingChannel("mail-cccccc")
    vps.channels = [new, mail]
    vps.deliver()
    vps.deliver()
    assert new.titles == ["Parked - FAILED: x", "Waits - FAILED: x"]
    assert mail.titles == []
    assert (
        "Notification: 2 messages for slack-aaaaaa handed over to slack-bbbbbb, which is new",
        "info",
    ) in vps.recorded
    with vps.read_only_outbox() as outbox:
        assert outbox.waiting() == []
        assert outbox.parked() == []


def test_a_channel_that_had_its_own_copy_takes_nothing_over(start_vps: StartVps) -> None:
    old, other = RecordingChannel("slack-aaaaaa", always=DOWN), RecordingChannel("slack-bbbbbb")
    vps = start_vps(old, other)
    vps.write("It broke - FAILED: x")
    vps.deliver()
    vps.channels = [other]
    vps.deliver()
    assert other.titles == ["It broke - FAILED: x"]
    with vps.read_only_outbox() as outbox:
        assert len(outbox.waiting("slack-aaaaaa")) == 1


def test_what_was_given_up_long_ago_is_no_news_to_a_new_address(start_vps: StartVps) -> None:
    old = RecordingChannel("slack-aaaaaa", results=[GONE], always=DOWN)
    vps = start_vps(old)
    vps.write("Long ago - FAILED: x")
    vps.deliver()
    vps.clock.move(8 * DAY)
    new = RecordingChannel("slack-bbbbbb")
    vps.channels = [new]
    vps.deliver()
    assert new.titles == []
    with vps.read_only_outbox() as outbox:
        assert len(outbox.parked("slack-aaaaaa")) == 1
