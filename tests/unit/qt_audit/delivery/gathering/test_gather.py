"""From the record to the channels: each message once, in order, and nothing is dropped silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt_audit.delivery.message import PERMANENT, TRANSIENT, SendResult
from qt_audit.filing import schedule
from qt_audit.summary.contents import Summary
from tests.support.delivering import RecordingChannel, StartVps, Vps
from tests.support.records import draft

DOWN = SendResult(TRANSIENT, "nobody listens there")
GONE = SendResult(PERMANENT, "answered 404", 404)
DAY = 86_400.0


def test_what_was_before_a_channel_existed_is_no_news(tmp_path: Path) -> None:
    vps = Vps(tmp_path / "home", RecordingChannel())
    vps.write("Old - FAILED: x")
    vps.deliver()
    vps.write("New - FAILED: x")
    vps.deliver()
    assert vps.channels[0].titles == ["New - FAILED: x"]


@pytest.mark.parametrize(
    ("wake", "told"),
    [
        (b"2\n", ["Second - FAILED: x", "Third - FAILED: x"]),
        (b"1\n", ["First - FAILED: x", "Second - FAILED: x", "Third - FAILED: x"]),
        (b"", []),
        (b"x", []),
        (b"99", []),
    ],
)
def test_the_first_run_begins_with_the_entry_that_woke_it(
    tmp_path: Path, wake: bytes, told: list[str]
) -> None:
    vps = Vps(tmp_path / "home", RecordingChannel())
    for name in ("First", "Second", "Third"):
        vps.write(f"{name} - FAILED: x")
    with vps.outbox():
        (vps.outbox_path / "wake").write_bytes(wake)
    vps.deliver()
    assert vps.channels[0].titles == told
    assert not (vps.outbox_path / "wake").exists()


def test_without_an_entry_there_is_nothing_to_tell(tmp_path: Path) -> None:
    vps = Vps(tmp_path / "home", RecordingChannel())
    assert vps.deliver().problems == []
    vps.write("First - FAILED: x")
    vps.deliver()
    assert vps.channels[0].titles == ["First - FAILED: x"]


def test_what_follows_the_return_of_a_clock_that_was_ahead_is_told_at_once(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel())
    vps.append([draft("Ahead - FAILED: x", "2999-01-01", "failed")])
    vps.deliver()
    after = draft("After - FAILED: x", outcome="failed")
    after.ts = None
    vps.append([after])
    vps.deliver()
    titles = vps.channels[0].titles
    assert titles[0] == "Ahead - FAILED: x"
    assert titles[-1] == "After - FAILED: x"


def test_every_channel_is_told(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel("one"), RecordingChannel("two"))
    vps.write("Backup - FAILED: x")
    vps.deliver()
    assert [channel.titles for channel in vps.channels] == [["Backup - FAILED: x"]] * 2


def test_a_dead_channel_delays_no_other(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel("dead", always=DOWN), RecordingChannel("well"))
    for number in range(20):
        vps.write(f"Backup {number} - FAILED: x")
        vps.clock.move(60)
        vps.deliver()
    dead, well = vps.channels
    assert len(well.taken) == 20
    assert dead.attempts < 10


def test_offline_for_three_days_loses_nothing_repeats_nothing_and_keeps_the_order(
    start_vps: StartVps,
) -> None:
    vps = start_vps(RecordingChannel(always=DOWN))
    for number in range(500):
        vps.write(f"Action {number} - FAILED: x")
        vps.clock.move(72 * 3600 / 500)
        vps.deliver()
    (channel,) = vps.channels
    assert channel.taken == []
    channel.always = SendResult("sent", "taken")
    for _ in range(70):
        vps.clock.move(60)
        vps.deliver()
    alerts = [title for title in channel.titles if title.startswith("Action")]
    assert alerts == [f"Action {number} - FAILED: x" for number in range(500)]
    assert len({message.id for message in channel.taken}) == len(channel.taken) == 500
    assert channel.late[0] > 72 * 3600
    assert channel.late == sorted(channel.late, reverse=True)
    with vps.read_only_outbox() as outbox:
        assert (outbox.waiting(), outbox.parked()) == ([], [])


def test_back_after_days_switched_off_it_tells_what_was_not_told(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel())
    vps.write("Power - FAILED: x")
    vps.clock.move(9 * DAY)
    vps.deliver()
    assert vps.channels[0].titles == ["Power - FAILED: x"]
    assert vps.channels[0].late == [9 * DAY]


def hours(vps: Vps, n: int) -> None:
    for _ in range(n):
        vps.clock.move(3601)
        vps.deliver()


def test_what_nobody_takes_for_seven_days_is_given_up_counted_and_told_elsewhere(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel("dead", always=DOWN), RecordingChannel("well"))
    vps.write("Backup - FAILED: x")
    vps.deliver()
    hours(vps, 7 * 24 - 1)
    assert vps.recorded == []
    hours(vps, 3)
    assert vps.recorded == [
        ("Notification: 1 message for dead given up: not delivered within 7 days", "failed")
    ]
    assert "1 message for dead given up" in vps.channels[1].titles
    with vps.read_only_outbox() as outbox:
        assert len(outbox.parked("dead")) == 1


def test_after_nine_days_switched_off_what_waited_is_tried_for_a_while(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel(always=DOWN))
    vps.write("Backup - FAILED: x")
    hours(vps, 20)
    vps.clock.move(9 * DAY)
    for _ in range(5):  # the network comes up later than the machine
        vps.deliver()
        vps.clock.move(60)
    (channel,) = vps.channels
    channel.always = SendResult("sent", "taken")
    hours(vps, 1)
    assert channel.titles == ["Backup - FAILED: x"]
    assert vps.recorded == []


def test_a_channel_that_refuses_for_good_is_disabled_and_the_others_are_told(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel("gone", always=GONE), RecordingChannel("well"))
    for number in range(3):
        vps.write(f"Backup {number} - FAILED: x")
        vps.deliver(rounds=2)
        vps.clock.move(3600)
    gone, well = vps.channels
    assert gone.attempts == 1
    assert vps.recorded == [("Notification: Channel gone disabled: answered 404", "failed")]
    assert well.titles == [
        "Backup 0 - FAILED: x",
        "channel gone is disabled",
        "Backup 1 - FAILED: x",
        "Backup 2 - FAILED: x",
    ]
    gone.always = SendResult("sent", "taken")
    with vps.outbox() as outbox:
        assert (len(outbox.waiting("gone")), len(outbox.parked("gone"))) == (2, 1)
        outbox.enable("gone")
        outbox.retry(vps.clock())
    vps.deliver()
    assert gone.titles == [f"Backup {number} - FAILED: x" for number in range(3)]


def test_where_every_channel_is_disabled_nothing_goes_round_in_circles(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel("one", always=GONE), RecordingChannel("two", always=GONE))
    vps.write("Backup - FAILED: x")
    for _ in range(20):
        vps.deliver()
        vps.clock.move(60)
    assert [channel.attempts for channel in vps.channels] == [1, 1]
    assert len(vps.recorded) == 2


def test_a_file_that_holds_no_message_is_reported_and_the_others_go_on(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel("one"), RecordingChannel("two"))
    (vps.outbox_path / "waiting.one.000000000000.abc.json").write_bytes(b"{")
    vps.write("Backup - FAILED: x")
    vps.deliver(rounds=2)
    assert vps.channels[0].titles == ["Backup - FAILED: x"]
    assert vps.recorded == [
        ("Notification: 1 message for one given up: no message was in the file", "failed")
    ]
    assert "1 message for one given up" in vps.channels[1].titles


def test_a_channel_that_raises_is_as_one_that_is_down(start_vps: StartVps) -> None:
    class Broken(RecordingChannel):
        def send(self, *_: object, **__: object) -> SendResult:
            raise RuntimeError("https://example.com/secret")

    vps = start_vps(Broken("broken"), RecordingChannel("well"))
    vps.write("Backup - FAILED: x")
    done = vps.deliver()
    assert done.channel_results["broken"].failed == "the channel itself failed (RuntimeError)"
    assert vps.channels[1].titles == ["Backup - FAILED: x"]


def test_a_receiver_that_asks_for_a_short_pause_gets_it_within_the_run(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel(results=[SendResult(TRANSIENT, "too many requests", 429, 0.75)]))
    vps.write("Backup - FAILED: x")
    before = vps.clock()
    assert vps.deliver().channel_results["recording-1"].sent == 1
    assert vps.clock() > before
    assert vps.channels[0].attempts == 2


def test_parts_that_were_taken_are_not_sent_again(start_vps: StartVps) -> None:
    vps = start_vps(
        RecordingChannel(
            results=[SendResult(TRANSIENT, "reset", done=2), SendResult(TRANSIENT, "reset", done=3)]
        )
    )
    vps.write("Backup - FAILED: x")
    for _ in range(3):
        vps.deliver()
        vps.clock.move(60)
    vps.write("Other - FAILED: x")
    vps.deliver()
    assert vps.channels[0].parts == [0, 2, 3, 0]


def test_what_is_held_in_quiet_hours_follows_as_one(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel(), quiet="22:00-07:00 Europe/Berlin")
    vps.clock.move(11 * 3600)  # 22:00 in Berlin
    for number in range(5):
        vps.write(f"Backup {number} - FAILED: x")
        vps.clock.move(600)
        vps.deliver()
    (channel,) = vps.channels
    assert channel.taken == []
    vps.write("Auto-repair: Frozen grafana", repair="grafana", escalation=True)
    vps.deliver()
    assert channel.titles == ["Auto-repair: Frozen grafana"]
    vps.clock.move(9 * 3600)
    vps.deliver()
    vps.deliver()
    assert channel.titles[1:] == ["5 messages in one (held in quiet hours)"]
    assert channel.taken[1].text.count("FAILED: x") == 5


def test_a_single_message_and_summaries_come_as_they_are_after_quiet_hours(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel(), quiet="00:00-06:00")
    assert list(schedule.file_due(vps.place, "daily", vps.clock(), 5.0)) == []
    vps.clock.move(15 * 3600)
    vps.write("Backup - FAILED: x")
    assert len(list(schedule.file_due(vps.place, "daily", vps.clock(), 5.0))) == 1
    vps.deliver()
    (channel,) = vps.channels
    assert channel.taken == []
    vps.clock.move(5 * 3600)
    vps.deliver()
    assert [message.kind for message in channel.taken] == ["alert", "summary"]
    assert "Daily Audit Summary (2026-11-22)" in channel.taken[1].text


def test_a_whole_night_of_noise_stays_small(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel(), quiet="10:00-18:00")
    vps.append([draft(f"Noise {number}", vps.clock(), "failed") for number in range(1700)])
    vps.deliver()
    assert (vps.outbox_path / "cursor.json").stat().st_size < 2_000_000
    vps.clock.move(9 * 3600)
    vps.deliver()
    assert vps.channels[0].titles == ["1,700 messages in one (held in quiet hours)"]


def summarised(vps: Vps) -> None:
    """File the summary of the clock's day, in the first hours of the next day."""
    list(schedule.file_due(vps.place, "daily", vps.clock(), 5.0))
    vps.clock.move(15 * 3600)
    assert len(list(schedule.file_due(vps.place, "daily", vps.clock(), 5.0))) == 1


def test_a_summary_is_sent_once_with_the_head_of_the_chain(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel())
    summarised(vps)
    vps.deliver()
    vps.deliver()
    (message,) = vps.channels[0].taken
    assert (message.kind, message.severity) == ("summary", "info")
    assert message.head is not None
    assert message.head[0] == 1
    assert "📊 Total Actions: 1" in message.text


def test_a_summary_has_the_html_that_is_made_of_it(start_vps: StartVps) -> None:
    def html(summary: Summary) -> str:
        assert isinstance(summary, Summary)
        return f"<p>{summary.period.label}: {summary.entries}, {summary.recent.lines[0].action}</p>"

    vps = start_vps(RecordingChannel())
    vps.html = html
    summarised(vps)
    vps.deliver()
    assert vps.channels[0].taken[0].html == "<p>2026-11-22: 1, System check</p>"


def test_a_template_that_fails_is_one_clear_line_and_the_text_is_sent(start_vps: StartVps) -> None:
    def fails(_: Summary) -> str:
        raise ZeroDivisionError

    vps = start_vps(RecordingChannel())
    vps.html = fails
    summarised(vps)
    (said,) = vps.deliver().problems
    assert said == "the HTML of daily-2026-11-22 cannot be made (ZeroDivisionError); it is sent as text alone"
    vps.deliver()
    assert [(m.kind, m.html) for m in vps.channels[0].taken] == [("summary", None), ("notice", None)]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"period": {"name": "x"}}'])
def test_a_filed_summary_that_is_none_is_told(start_vps: StartVps, content: bytes) -> None:
    vps = start_vps(RecordingChannel())
    summarised(vps)
    (Path(vps.place.status_path) / "reports/daily-2026-11-22.json").write_bytes(content)
    (said,) = vps.deliver().problems
    assert "daily-2026-11-22.json is no summary" in said
    assert vps.deliver().problems == []


def test_a_damaged_ledger_sends_no_summary_twice(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel())
    summarised(vps)
    vps.deliver()
    (Path(vps.place.status_path) / "reports/ledger.json").write_bytes(b"{")
    vps.deliver()
    vps.clock.move(DAY)
    list(schedule.file_due(vps.place, "daily", vps.clock(), 5.0))
    vps.deliver()
    days = [message.title.rpartition("(")[2].rstrip(")") for message in vps.channels[0].taken]
    assert days == ["2026-11-22", "2026-11-23"]


def test_a_record_that_cannot_be_read_stops_no_message_that_waits(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel(results=[DOWN]))
    vps.write("Backup - FAILED: x")
    vps.deliver()
    (segment,) = Path(vps.place.record_path).glob("*.jsonl")
    segment.rename(segment.with_suffix(".aside"))
    segment.mkdir()
    vps.clock.move(60)
    done = vps.deliver()
    assert len(done.problems) == 1
    assert vps.channels[0].titles == ["Backup - FAILED: x"]
