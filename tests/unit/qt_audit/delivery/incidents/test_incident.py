"""Incidents: which entries belong to one, and which notifications it causes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from qt_audit.delivery.incidents import incident
from qt_audit.delivery.incidents.incident import Incident, Incidents, Notification, coalesced
from qt_audit.record.entry import Entry
from qt_audit.urgency import parse_rules
from qt_repair.monitor import wording as sentences

_START = datetime.fromisoformat("2026-11-22T10:00:00")
GRAFANA = "Auto-repair: Restarted Grafana container"
DAY = 86_400.0


def at(seconds: float) -> str:
    return f"{(_START + timedelta(seconds=seconds)).isoformat(timespec='microseconds')}Z"


class Story:
    """Adds entries to incidents and returns the notifications as texts.

    After each step the incidents are stored as JSON and read again, as the cursor does.
    """

    def __init__(self, rules: str = "") -> None:
        self.incidents = Incidents()
        self.rules = parse_rules(rules)
        self._seq = count(1)

    def entry(
        self, seconds: float, action: str, outcome: str, run: str | None = None, **details: Any
    ) -> list[str]:
        item = Entry(
            next(self._seq), at(seconds), action, "me", outcome, "vps", "qt", 1, run, details, "0" * 64
        )
        return self._texts(self.incidents.add_entry(item, self.rules))

    def saying(
        self, seconds: float, saying: tuple[str, str], run: str | None = None, **details: Any
    ) -> list[str]:
        return self.entry(seconds, *saying, run, **details)

    def wait(self, seconds: float) -> list[str]:
        return self._texts(self.incidents.due_notifications(at(seconds)))

    def _texts(self, notifications: list[Notification]) -> list[str]:
        self.last = notifications[-1].incident if notifications else None
        plain = json.loads(json.dumps([item.as_dict() for item in self.incidents.by_subject.values()]))
        restored = [Incident.from_dict(item) for item in plain]
        assert restored == list(self.incidents.by_subject.values())
        self.incidents = Incidents({incident.subject: incident for incident in restored})
        return [f"{item.kind} {item.incident.text}" for item in notifications]


def breach(story: Story, seconds: float, run: str, name: str = "Grafana") -> list[str]:
    return story.saying(seconds, sentences.TRIGGERED, run, threshold=name)


def recovered(story: Story, seconds: float, run: str, name: str = "Grafana") -> list[str]:
    return story.saying(seconds, sentences.recovered(9.0), run, threshold=name)


RECOVERED = f"recovery {sentences.recovered(9.0)[0]}"
BREACH = f"alert {sentences.TRIGGERED[0]}"


def test_a_repair_that_fails_and_then_helps_is_told_twice() -> None:
    story = Story()
    assert story.entry(0, "Restarting Grafana", "started", "r1", repair="grafana") == []
    failed = story.entry(5, f"{GRAFANA} - FAILED: no", "failed", "r1", repair="grafana")
    assert failed == [f"alert {GRAFANA} - FAILED: no"]
    assert story.entry(60, "Restarting Grafana", "started", "r2", repair="grafana") == []
    assert story.entry(65, GRAFANA, "succeeded", "r2", repair="grafana") == [f"recovery {GRAFANA}"]
    assert story.last is not None
    assert story.last.duration_s == 60.0


def test_a_repair_that_helps_at_once_is_no_news() -> None:
    story = Story()
    assert story.entry(0, "Restarting Grafana", "started", "r1", repair="grafana") == []
    assert story.entry(5, GRAFANA, "succeeded", "r1", repair="grafana") == []
    assert story.wait(10 * DAY) == []


def test_the_same_repair_that_fails_again_is_one_message() -> None:
    story = Story()
    told = [
        story.entry(60.0 * n, f"{GRAFANA} - FAILED: no", "failed", f"r{n}", repair="grafana")
        for n in range(9)
    ]
    assert told == [[f"alert {GRAFANA} - FAILED: no"], *[[]] * 8]


def test_an_escalation_is_told_though_the_failure_was() -> None:
    story = Story()
    story.entry(0, f"{GRAFANA} - FAILED: no", "failed", "r1", repair="grafana")
    frozen = ("Auto-repair: Frozen grafana: 3 attempts", "failed")
    assert story.entry(1, *frozen, repair="grafana", escalation=True) == [f"alert {frozen[0]}"]
    assert story.entry(2, *frozen, repair="grafana", escalation=True) == []
    well = "Auto-repair: Unfrozen grafana: healthy for 300 s"
    assert story.entry(900, well, "info", repair="grafana") == [f"recovery {well}"]


def test_all_failures_of_a_run_are_one_message_and_its_success_ends_it() -> None:
    story = Story()
    assert story.entry(0, "Phase one - FAILED: x", "failed", "w") == ["alert Phase one - FAILED: x"]
    assert story.entry(1, "Phase two - FAILED: y", "failed", "w") == []
    assert story.entry(2, "Phase two - PASSED", "info", "w") == []
    assert story.entry(3, "Completed", "succeeded", "w") == ["recovery Completed"]


def test_a_program_that_works_again_in_a_later_run_has_recovered() -> None:
    story = Story()
    assert story.entry(0, "Backup - FAILED: exit code 1", "failed", "a") != []
    assert story.entry(3600, "Backup - FAILED: exit code 2", "failed", "b") == []
    assert story.entry(7200, "Backup", "succeeded", "c") == ["recovery Backup"]
    assert story.last is not None
    assert (story.last.count, story.last.duration_s) == (3, 7200.0)


def test_a_breach_that_its_repair_mends_in_time_is_one_message_that_says_so() -> None:
    story = Story()
    assert breach(story, 0, "b1") == []
    assert story.entry(1, "Restarting", "started", "r1", repair="grafana", trigger="b1") == []
    assert story.entry(4, GRAFANA, "succeeded", "r1", repair="grafana", trigger="b1") == []
    assert story.saying(5, sentences.completed(0), "b1", threshold="Grafana") == []
    assert recovered(story, 9, "b1") == [RECOVERED]
    assert story.last is not None
    assert (story.last.mended, story.last.told, story.last.duration_s) == (GRAFANA, None, 9.0)
    assert story.wait(DAY) == []


def test_a_breach_that_is_not_mended_within_a_moment_is_told_and_once() -> None:
    story = Story()
    breach(story, 0, "b1")
    assert story.incidents.next_due_s(at(10)) == incident.REPAIR_GRACE_S - 10
    assert story.wait(10) == []
    assert story.wait(41) == [BREACH]
    assert story.wait(42) == []
    assert story.incidents.next_due_s(at(42)) is None
    assert recovered(story, 90, "b1") == [RECOVERED]


def test_a_repair_that_fails_tells_of_the_breach_that_asked_for_it_at_once() -> None:
    story = Story()
    breach(story, 0, "b1")
    failed = story.entry(5, f"{GRAFANA} - FAILED: no", "failed", "r1", repair="grafana", trigger="b1")
    assert failed == [f"alert {GRAFANA} - FAILED: no"]
    assert story.last is not None
    assert story.last.subject == "threshold Grafana"
    assert story.saying(6, sentences.completed(1), "b1", threshold="Grafana") == []
    assert breach(story, 300, "b1") == []
    assert recovered(story, 400, "b1") == [RECOVERED]
    assert story.wait(10 * DAY) == []


def test_a_breach_without_a_repair_is_told_at_once() -> None:
    story, saying = Story(), sentences.breach("disk", "91 % used")
    assert story.saying(0, saying, "b1", threshold="disk") == [f"alert {saying[0]}"]
    assert recovered(story, 60, "b1", "disk") == [RECOVERED]


def test_what_the_monitor_calls_flapping_is_told_until_it_is_calm() -> None:
    story, flaps = Story(), sentences.flapping("Grafana", 9, 600.0)
    assert story.saying(0, flaps, "f", threshold="Grafana") == [f"alert {flaps[0]}"]
    stays = sentences.calm("Grafana", 3, 900.0, breached=True)
    assert story.saying(900, stays, "f", threshold="Grafana") == []
    well = sentences.calm("Grafana", 3, 900.0, breached=False)
    assert story.saying(901, well, "f", threshold="Grafana") == [f"recovery {well[0]}"]


def test_a_threshold_that_is_watched_no_more_is_over() -> None:
    story, gone = Story(), sentences.no_longer_watched("Grafana")
    breach(story, 0, "b1")
    assert story.saying(60, gone, "b1", threshold="Grafana") == [f"recovery {gone[0]}"]
    assert story.wait(10 * DAY) == []


def test_a_problem_that_stays_open_is_told_again_once_a_day() -> None:
    story = Story()
    story.entry(0, f"{GRAFANA} - FAILED: no", "failed", "r1", repair="grafana")
    told = [hour for hour in range(24 * 4) if story.wait(hour * 3600.0)]
    assert told == [24, 48, 72]


def test_an_event_is_not_reminded_of_and_is_told_again_a_day_later() -> None:
    story = Story()
    told = [
        hour for hour in range(0, 72, 2) if story.entry(hour * 3600.0, "Backup - FAILED: x", "failed", None)
    ]
    assert told == [0, 20, 40, 60]
    assert story.wait(80 * 3600.0) == []
    assert story.wait(70 * 3600.0 + incident.FORGET_AFTER_S + 1) == []
    assert story.incidents.by_subject == {}


def test_what_comes_and_goes_is_told_as_flapping_once_until_it_is_calm() -> None:
    story, told = Story(), []
    for number in range(20):
        told += story.entry(
            120.0 * number, f"{GRAFANA} - FAILED: no", "failed", f"a{number}", repair="grafana"
        )
        told += story.entry(120.0 * number + 60, GRAFANA, "succeeded", f"b{number}", repair="grafana")
    assert told == [f"alert {GRAFANA} - FAILED: no", f"recovery {GRAFANA}"] * 3 + [
        f"alert {GRAFANA} - FAILED: no"
    ]
    last = 120.0 * 19 + 60
    assert story.wait(last + 3600) == []
    assert story.wait(last + 3601) == [f"calm {GRAFANA} - FAILED: no"]
    again = story.entry(last + 4000, f"{GRAFANA} - FAILED: no", "failed", "c", repair="grafana")
    assert again == [f"alert {GRAFANA} - FAILED: no"]


def test_what_was_flapping_and_stays_broken_is_told() -> None:
    story = Story()
    for number in range(6):
        story.entry(60.0 * number, "x - FAILED: no", "failed", repair="x")
        if number < 5:
            story.entry(60.0 * number + 30, "x", "succeeded", repair="x")
    assert story.wait(300 + 3600) == []
    assert story.wait(300 + 3601) == ["alert x - FAILED: no"]
    assert story.wait(300 + 3602) == []
    assert story.wait(300 + 3602 + DAY) == ["reminder x - FAILED: no"]


def test_something_critical_is_told_though_it_is_flapping() -> None:
    story = Story()
    for number in range(6):
        story.entry(60.0 * number, "x - FAILED: no", "failed", repair="x")
        if number < 5:
            story.entry(60.0 * number + 30, "x", "succeeded", repair="x")
    frozen = story.entry(360, "Frozen x", "failed", repair="x", escalation=True)
    assert frozen == ["alert Frozen x"]


@pytest.mark.parametrize("outcome", ["info", "succeeded"])
def test_what_the_operator_wants_to_hear_at_once_is_told_each_time(outcome: str) -> None:
    story = Story("now action=^Margin call")
    assert [story.entry(n, "Margin call", outcome) for n in range(3)] == [["notice Margin call"]] * 3
    assert story.incidents.by_subject == {}


def test_what_the_operator_wants_to_hear_of_later_is_no_incident() -> None:
    story = Story("later source=me")
    assert story.entry(0, "Backup - FAILED: x", "failed") == []
    assert story.wait(10 * DAY) == []


def test_a_started_action_that_is_told_waits_for_its_end() -> None:
    story = Story("now outcome=started")
    assert story.entry(0, "Deploy - started", "started", "d") == []
    assert story.entry(20, "Deploy", "succeeded", "d") == ["recovery Deploy"]


def test_of_news_at_once_only_how_each_incident_stands_is_left() -> None:
    book = Incidents()
    lines: list[tuple[str, str, dict[str, Any]]] = [
        ("x - FAILED: no", "failed", {"repair": "x"}),
        ("y - FAILED: no", "failed", {"repair": "y"}),
        ("Frozen x", "failed", {"repair": "x", "escalation": True}),
        ("y", "succeeded", {"repair": "y"}),
    ]
    notifications = [
        item
        for seq, (action, outcome, details) in enumerate(lines, 1)
        for item in book.add_entry(
            Entry(seq, at(seq), action, "me", outcome, "vps", "qt", 1, None, details, "0" * 64)
        )
    ]
    left = [f"{item.kind} {item.incident.text}" for item in coalesced(notifications)]
    assert left == ["alert Frozen x", "recovery y"]


def test_so_many_incidents_that_the_oldest_are_forgotten() -> None:
    story = Story()
    known = story.incidents
    for number in range(incident.MAX_INCIDENTS + 50):
        known.add_entry(
            Entry(
                number, at(number), f"x{number}", "me", "failed", "vps", "qt", 1, f"r{number}", {}, "0" * 64
            )
        )
    assert len(known.by_subject) == incident.MAX_INCIDENTS
    assert "me: x49" not in known.by_subject
    assert "me: x50" in known.by_subject


def test_a_clock_that_steps_back_tells_nothing_twice() -> None:
    story = Story()
    story.entry(7200, f"{GRAFANA} - FAILED: no", "failed", "r1", repair="grafana")
    assert story.wait(0) == []
    # The stored incident has no later time than the present, whatever the time of its entry.
    assert story.entry(0, GRAFANA, "succeeded", "r2", repair="grafana") == [f"recovery {GRAFANA}"]
    assert story.last is not None
    assert story.last.duration_s == 0.0
