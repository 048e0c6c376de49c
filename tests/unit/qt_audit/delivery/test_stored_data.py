"""Damaged files of the outbox and a clock that was ahead: later entries are reported all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.delivering import RecordingChannel, StartVps

DAY = 86_400.0
INCIDENTS = (
    "opened",
    "last",
    "text",
    "seq",
    "urgency",
    "runs",
    "count",
    "told",
    "closed",
    "flapping",
    "facts",
)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"seq": "x"}', b'{"seq":1,"ts":"","began":""}', b"\xff"]
)
def test_a_damaged_cursor_is_kept_and_said_and_what_follows_is_told(
    start_vps: StartVps, content: bytes
) -> None:
    vps = start_vps(RecordingChannel())
    vps.write("Before - FAILED: x")
    (vps.outbox_path / "cursor.json").write_bytes(content)
    said = vps.deliver().problems
    assert len(said) == 1
    assert "cursor.json in the outbox is damaged" in said[0]
    vps.write("After - FAILED: x")
    vps.deliver()
    assert vps.channels[0].titles == ["notifications may be incomplete", "After - FAILED: x"]
    assert (vps.outbox_path / "cursor.json.damaged").read_bytes() == content


@pytest.mark.parametrize("field", ["seq", "ts", "began", "held", "summaries", *INCIDENTS])
@pytest.mark.parametrize("value", [7.5, "yesterday", [None], {}, True])
def test_a_cursor_with_a_wrong_field_stops_no_delivery(
    start_vps: StartVps, field: str, value: object
) -> None:
    channel = RecordingChannel()
    vps = start_vps(channel)
    vps.write("Auto-heal: Triggered by CPU", "started", "r1", threshold="CPU")
    vps.deliver()
    path = vps.outbox_path / "cursor.json"
    plain = json.loads(path.read_text())
    assert len(plain["incidents"]) == 1
    place = plain["incidents"][0] if field in INCIDENTS and field != "seq" else plain
    place[field] = value
    path.write_text(json.dumps(plain))
    vps.write("Second - FAILED: x")
    vps.clock.move(120)
    vps.deliver()
    vps.write("Third - FAILED: x")
    vps.deliver()
    assert any("Third" in title for title in channel.titles)


def test_a_record_that_is_shorter_than_it_was_is_told(start_vps: StartVps) -> None:
    vps = start_vps(RecordingChannel())
    vps.write("One", "info")
    vps.write("Two", "info")
    vps.deliver()
    (segment,) = Path(vps.place.record_path).glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:-1]))
    (said,) = vps.deliver().problems
    assert "the record ends with entry 2, and entry 3 was read before" in said
    assert vps.channels[0].titles == ["notifications may be incomplete"]
    assert vps.deliver().problems == []


@pytest.mark.parametrize("delivered", [False, True], ids=["leapt in between", "delivered meanwhile"])
def test_after_a_clock_that_leapt_ahead_a_breach_and_its_reminder_come_in_time(
    start_vps: StartVps, delivered: bool
) -> None:
    """Entries keep the wrong, later time. Alerts and reminders follow the present time all the same."""
    channel = RecordingChannel()
    vps = start_vps(channel)
    vps.clock.move(400 * DAY)
    vps.write("Auto-heal: Triggered by disk", "started", "r0", threshold="disk")
    if delivered:
        vps.deliver()
    vps.clock.move(-400 * DAY)
    vps.write("Auto-heal: Triggered by CPU", "started", "r1", threshold="CPU")
    vps.deliver()
    vps.clock.move(60)
    vps.deliver()
    assert sorted(channel.titles) == ["Auto-heal: Triggered by CPU", "Auto-heal: Triggered by disk"]
    vps.clock.move(DAY)
    vps.deliver()
    assert len(channel.titles) == 4


def test_after_a_clock_that_leapt_ahead_what_fails_again_and_again_is_told_once(start_vps: StartVps) -> None:
    channel = RecordingChannel()
    vps = start_vps(channel)
    vps.clock.move(400 * DAY)
    vps.write("Backup: Ended", "info")
    vps.clock.move(-400 * DAY)
    for _ in range(4):
        vps.write("Backup - FAILED: x")
        vps.deliver()
        vps.clock.move(600)
    assert channel.titles == ["Backup - FAILED: x"]
