"""The outbox keeps each message, in order, until it is delivered or given up, and stays within its limits."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qt_audit.delivery.message import Message
from qt_audit.delivery.outbox import limits
from qt_audit.delivery.outbox.backoff import ChannelState
from qt_audit.delivery.outbox.directory import LockedOutbox, ReadOnlyDirectory
from qt_audit.delivery.outbox.queue import Outbox, QueueItem
from qt_audit.record.head import Busy
from qt_audit.record.place import Place
from tests.support.delivering import Vps

NOW = "2026-11-22T10:00:00.000000Z"
LATER = "2026-11-29T10:00:00.000001Z"


def message(id: str = "a", **changes: Any) -> Message:
    return replace(Message(id, "alert", "warning", f"title {id}", "text", NOW, "vps"), **changes)


def ids(items: list[QueueItem]) -> list[str]:
    return [item.id for item in items]


@pytest.fixture
def vps(tmp_path: Path) -> Vps:
    return Vps(tmp_path)


def test_messages_wait_in_the_order_in_which_they_came_whatever_the_clock_does(vps: Vps) -> None:
    with vps.outbox() as outbox:
        for name, created in (
            ("z", NOW),
            ("y", "2027-01-01T00:00:00.000000Z"),
            ("a", "2020-01-01T00:00:00.000000Z"),
        ):
            outbox.put(message(name, created=created), ["one", "two"], NOW)
    with vps.outbox() as outbox:
        outbox.put(message("b"), ["one"], "2020-01-01T00:00:00.000000Z")
        assert ids(outbox.waiting("one")) == ["z", "y", "a", "b"]
        assert ids(outbox.waiting("two")) == ["z", "y", "a"]


def test_the_same_message_waits_once_for_each_channel(vps: Vps) -> None:
    with vps.outbox() as outbox:
        assert outbox.put(message(), ["one"], NOW) == 1
    with vps.outbox() as outbox:
        assert outbox.put(message(), ["one", "two"], NOW) == 1
        assert len(outbox.waiting()) == 2


def test_a_message_comes_back_as_it_was_put_there(vps: Vps) -> None:
    whole = replace(
        message("ü@" * 9, text="\ud800\x00🎉\n" * 99), fields=(("a", "b"),), head=(7, "ab"), html="<b>"
    )
    with vps.outbox() as outbox:
        outbox.put(replace(whole, id="x1"), ["one"], NOW)
    with vps.read_only_outbox() as outbox:
        loaded = outbox.load(outbox.waiting("one")[0])
        assert loaded is not None
        assert (loaded.message, loaded.queued, loaded.parked) == (replace(whole, id="x1"), NOW, "")


def test_files_and_directory_are_for_their_owner_alone(vps: Vps) -> None:
    before = os.umask(0)
    try:
        with vps.outbox() as outbox:
            outbox.put(message(), ["one"], NOW)
            outbox.set_state("one", ChannelState(failures=1))
            outbox.save()
    finally:
        os.umask(before)
    assert vps.outbox_path.stat().st_mode & 0o7777 == 0o700
    assert {path.stat().st_mode & 0o7777 for path in vps.outbox_path.iterdir()} == {0o600}


def test_one_works_on_it_at_a_time_and_others_may_look(vps: Vps) -> None:
    with vps.outbox() as outbox:
        outbox.put(message(), ["one"], NOW)
        with pytest.raises(Busy), LockedOutbox(vps.place, 0.0):
            pass
        with vps.read_only_outbox() as seen:
            assert len(seen.waiting("one")) == 1


def test_looking_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), ReadOnlyDirectory(Place(str(tmp_path), home=True)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_place_of_the_outbox_is_not_followed(vps: Vps, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    vps.outbox_path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="outbox"), LockedOutbox(vps.place, 0.0):
        pass
    assert list(elsewhere.iterdir()) == []


def test_what_was_given_up_keeps_its_reason_and_can_be_tried_again_from_now_on(vps: Vps) -> None:
    with vps.outbox() as outbox:
        outbox.put(message(), ["one"], NOW)
        outbox.park(outbox.waiting("one")[0], "answered 400")
        outbox.set_state("one", ChannelState(failures=7, next_try=LATER, disabled="answered 400"))
    with vps.outbox() as outbox:
        assert (outbox.waiting(), len(outbox.parked("one"))) == ([], 1)
        loaded = outbox.load(outbox.parked()[0])
        assert loaded is not None
        assert loaded.parked == "answered 400"
        assert outbox.retry(LATER) == (1, 0)
    with vps.outbox() as outbox:
        assert outbox.parked() == []
        loaded = outbox.load(outbox.waiting("one")[0])
        assert loaded is not None
        assert (loaded.queued, loaded.parked) == (LATER, "")
        assert limits.give_up_old(outbox, [], LATER) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 4096,
        b"null",
        b"[" * 100_000,
        b'{"queued": 1}',
        b'{"queued": "2026-11-22T10:00:00.000000Z", "message": {"id": "a"}}',
        b"\xff\xfe",
    ],
)
def test_a_file_that_holds_no_message_is_none_and_can_be_parked(vps: Vps, content: bytes) -> None:
    with vps.outbox():
        pass
    name = "waiting.one.000000000001.abc.json"
    (vps.outbox_path / name).write_bytes(content)
    with vps.outbox() as outbox:
        item = outbox.waiting("one")[0]
        assert outbox.load(item) is None
        outbox.park(item, "no message")
        assert outbox.waiting() == []
        assert outbox.retry(NOW) == (0, 1)
        assert len(outbox.parked()) == 1
    assert (vps.outbox_path / name.replace("waiting", "parked")).read_bytes() == content


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (f'"created":"{NOW}"', '"created":"yesterday"'),
        (f'"queued":"{NOW}"', '"queued":7'),
        ('"title":"title a"', '"title":null'),
        ('"html":null', '"html":7'),
        ('"fields":[]', '"fields":[["a"]]'),
        ('"head":null', '"head":[1]'),
        ('"kind":"alert"', '"kind":"alert","new":1'),
    ],
)
def test_a_message_with_a_wrong_field_is_none(vps: Vps, right: str, wrong: str) -> None:
    with vps.outbox() as outbox:
        outbox.put(message(), ["one"], NOW)
        path = vps.outbox_path / outbox.waiting()[0].file
        assert right in path.read_text()
        path.write_text(path.read_text().replace(right, wrong))
        assert outbox.load(outbox.waiting()[0]) is None


@pytest.mark.parametrize("kind", ["link", "directory", "pipe"])
def test_a_thing_that_is_no_file_is_no_message_either(vps: Vps, kind: str) -> None:
    with vps.outbox():
        pass
    path = vps.outbox_path / "waiting.one.000000000001.abc.json"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    with vps.outbox() as outbox:
        outbox.park(outbox.waiting("one")[0], "no message")
        assert outbox.waiting() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"one": {"failures": 1, "new": 2}}',
        b'{"one": 7}',
        b'{"one": {"failures": "many"}}',
        b'{"one": {"failures": -1}}',
        b'{"one": {"sent": 1.5}}',
        b'{"one": {"next_try": "soon", "tried": ""}}',
        b'{"one": {"tried": 7}}',
        b'{"one": {"disabled": ["no"]}}',
        b'{"one": {"done": null}}',
    ],
)
def test_a_damaged_memory_of_the_channels_is_begun_anew(vps: Vps, content: bytes) -> None:
    with vps.outbox():
        pass
    (vps.outbox_path / "channels.json").write_bytes(content)
    with vps.outbox() as outbox:
        assert outbox.state("one") == ChannelState()


def test_of_a_damaged_memory_what_is_whole_stays(vps: Vps) -> None:
    with vps.outbox():
        pass
    (vps.outbox_path / "channels.json").write_text(
        '{"one": {"failures": "many"}, "two": {"disabled": "answered 404"}}'
    )
    with vps.outbox() as outbox:
        assert outbox.states() == {"two": ChannelState(disabled="answered 404")}


def test_what_a_killed_process_was_writing_is_removed(vps: Vps) -> None:
    with vps.outbox():
        (vps.outbox_path / ".waiting.one.000000000001.abc.json.new").write_bytes(b"half")
    with vps.outbox() as outbox:
        outbox.remove_temporary_files()
    assert sorted(path.name for path in vps.outbox_path.iterdir()) == [".lock"]


def test_a_channel_is_enabled_by_somebody_who_does_not_hold_the_lock(vps: Vps) -> None:
    with vps.outbox() as outbox:
        outbox.set_state("one", ChannelState(disabled="answered 404", sent=5))
        outbox.save()
        with vps.read_only_outbox() as seen:
            seen.enable("one")
        outbox.apply_enabled()
        assert outbox.state("one") == ChannelState(sent=5)
        assert outbox.enabled() == []


def fill(outbox: Outbox, channel: str, n: int, **changes: str) -> None:
    for number in range(n):
        outbox.put(message(f"{channel}{number}", **changes), [channel], NOW)


@pytest.mark.parametrize(
    ("state", "gives_up"),
    [
        (ChannelState(failures=limits.MIN_FAILURES), True),
        (ChannelState(disabled="answered 404"), True),
        (ChannelState(failures=limits.MIN_FAILURES - 1), False),
        (ChannelState(), False),
    ],
)
def test_what_waits_for_more_than_seven_days_is_given_up_where_nothing_gets_through(
    vps: Vps, state: ChannelState, gives_up: bool
) -> None:
    with vps.outbox() as outbox:
        fill(outbox, "one", 3)
        outbox.set_state("one", state)
        outbox.put(message("new", created="2020-01-01T00:00:00.000000Z"), ["one"], LATER)
        assert limits.give_up_old(outbox, ["one"], "2026-11-29T10:00:00.000000Z") == {}
        assert limits.give_up_old(outbox, ["one"], LATER) == ({"one": 3} if gives_up else {})
        assert len(outbox.waiting()) == (1 if gives_up else 4)
        assert len(outbox.parked()) == (3 if gives_up else 0)


def test_what_waits_for_a_channel_that_is_set_no_more_is_given_up_after_seven_days(vps: Vps) -> None:
    with vps.outbox() as outbox:
        fill(outbox, "gone", 2)
        assert limits.give_up_old(outbox, ["one"], "2026-11-29T10:00:00.000000Z") == {}
        assert limits.give_up_old(outbox, ["one"], LATER) == {"gone": 2}


def test_of_too_many_the_oldest_routine_ones_become_one_that_says_how_many(
    vps: Vps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_MESSAGES", 20)
    with vps.outbox() as outbox:
        outbox.put(message("critical", severity="critical"), ["one"], NOW)
        outbox.put(message("summary", kind="summary"), ["one"], NOW)
        fill(outbox, "one", 20)
        fill(outbox, "two", 5)
        assert limits.merge(outbox, "vps", NOW) == {"one": 10}
        waiting = outbox.waiting("one")
        letters = [outbox.load(item) for item in waiting]
        kinds = [loaded.message.kind for loaded in letters if loaded is not None]
        assert kinds == ["alert", "summary", "digest", *["alert"] * 10]
        assert letters[2] is not None
        assert "10 messages in one (too many were waiting)" in letters[2].message.title
        assert ids(waiting[3:]) == [f"one{number}" for number in range(10, 20)]
        assert limits.merge(outbox, "vps", NOW) == {}


def test_ten_thousand_are_the_most_that_wait(vps: Vps) -> None:
    with vps.outbox() as outbox:
        outbox.put(message("first"), ["one"], NOW)
    template = (vps.outbox_path / "waiting.one.000000000001.first.json").read_text()
    for number in range(2, 10_102):
        path = vps.outbox_path / f"waiting.one.{number:012}.id{number}.json"
        path.write_text(template.replace('"id":"first"', f'"id":"id{number}"'))
    with vps.outbox() as outbox:
        assert limits.merge(outbox, "vps", NOW) == {"one": 5050}
        assert len(outbox.waiting("one")) == 5052
        loaded = outbox.load(outbox.waiting("one")[0])
        assert loaded is not None
        assert "5,050 messages in one" in loaded.message.title


def test_large_messages_are_merged_before_they_fill_the_disk(
    vps: Vps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 50_000)
    with vps.outbox() as outbox:
        fill(outbox, "one", 20, text="x" * 5000)
        merged = limits.merge(outbox, "vps", NOW)
        assert sum(merged.values()) >= 10
        assert outbox.size(outbox.waiting()) <= 50_000


def test_what_must_not_be_merged_is_kept_however_much_it_is(
    vps: Vps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_MESSAGES", 5)
    with vps.outbox() as outbox:
        fill(outbox, "one", 9, severity="critical")
        assert limits.merge(outbox, "vps", NOW) == {}
        assert len(outbox.waiting("one")) == 9


def test_of_what_was_given_up_the_oldest_goes_where_it_is_too_much(
    vps: Vps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_MESSAGES", 5)
    with vps.outbox() as outbox:
        fill(outbox, "one", 9)
        for item in outbox.waiting():
            outbox.park(item, "x")
        assert limits.forget_parked(outbox) == {"one": 4}
        assert ids(outbox.parked()) == [f"one{number}" for number in range(4, 9)]
        assert limits.forget_parked(outbox) == {}
