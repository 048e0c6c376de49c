"""From readings to entries and repairs, with a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from qt_audit.recorder import AuditError
from qt_repair.monitor import wording
from qt_repair.monitor.event_loop.clock import Clock
from qt_repair.monitor.incidents import IncidentTracker, RepairOutcome
from qt_repair.monitor.thresholds import BAD, BETWEEN, GOOD, UNKNOWN, FlapRule, Reading
from qt_repair.monitor.watched_threshold import Threshold, WatchedThreshold
from qt_repair.monitor.wording import EntryText

TRIGGERED = wording.TRIGGERED[0]
DONE = "Auto-heal: Completed successfully (exit code 0)"


class SetClock(Clock):
    """Shows what it is set to."""

    at = 1000.0

    def now(self) -> float:
        return self.at

    def wall(self, at: float) -> float:
        return at

    def from_wall(self, wall: float) -> float:
        return wall


class Scene:
    """Incidents whose entries and repairs are written down."""

    def __init__(self, *repairs: str, hold: float = 0, changes: int = 100) -> None:
        self.clock = SetClock()
        self.entries: list[tuple[str, str, str | None]] = []
        self.details: list[Mapping[str, Any]] = []
        self.queued: list[WatchedThreshold] = []
        self.record_works = True
        self.frozen = False
        self.incidents = IncidentTracker(
            self.record, self.repair, self.withdraw, self.all_frozen, lambda: None, self.clock,
            FlapRule(changes, 600, 300),
        )  # fmt: skip
        self.watched = WatchedThreshold(Threshold("disk", "disk /", hold, 5, repairs, 600, {}), 90, "%")

    def record(self, entry_text: EntryText, details: Mapping[str, Any], run: str | None = None) -> None:
        if not self.record_works:
            raise AuditError
        self.entries.append((*entry_text, run))
        self.details.append(details)

    def repair(self, watched: WatchedThreshold) -> bool:
        self.queued.append(watched)
        return True

    def withdraw(self, watched: WatchedThreshold) -> bool:
        return watched.incident is not None and watched.incident.acting == "queued"

    def all_frozen(self, _repairs: Sequence[str]) -> bool:
        return self.frozen

    def read(self, *levels: str, every: float = 5) -> None:
        for level in levels:
            self.clock.at += every
            self.incidents.add_reading(self.watched, Reading(level, f"it is {level}", level))

    def start_repair(self) -> None:
        self.incidents.repair_started(self.watched, "")

    def end_repair(self, exit_code: int | None = 0, stopped: bool = False) -> None:
        self.incidents.repair_ended(self.watched, RepairOutcome(exit_code, stopped, {}))

    @property
    def actions(self) -> list[str]:
        return [entry[0] for entry in self.entries]

    @property
    def outcomes(self) -> list[str]:
        return [entry[1] for entry in self.entries]

    @property
    def runs(self) -> set[str | None]:
        return {entry[2] for entry in self.entries}


def test_a_breach_is_repaired_and_recovers_in_one_run() -> None:
    scene = Scene("grafana")
    scene.read(GOOD, BAD)
    scene.start_repair()
    scene.end_repair()
    scene.read(GOOD)
    assert scene.actions == [TRIGGERED, DONE, "Auto-heal: Recovered after 5 s"]
    assert scene.outcomes == ["started", "succeeded", "succeeded"]
    assert len(scene.runs) == 1
    assert scene.details[0] == {
        "threshold": "disk /",
        "kind": "disk",
        "value": BAD,
        "found": "it is bad",
        "level": 90,
        "since": "1970-01-01T00:16:50.000000Z",
        "repairs": ["grafana"],
    }
    assert scene.watched.incident is None


def test_a_breach_without_a_repair_is_one_entry_and_its_recovery_another() -> None:
    scene = Scene()
    scene.read(BAD, BAD, BETWEEN, BAD, GOOD, GOOD)
    assert scene.actions == [
        "Auto-heal: Realtime monitor threshold breach, no repair configured (disk /: it is bad)",
        "Auto-heal: Recovered after 20 s",
    ]
    assert scene.outcomes == ["failed", "succeeded"]
    assert len(scene.runs) == 1
    assert not scene.queued


def test_a_short_excursion_is_no_breach() -> None:
    scene = Scene("grafana", hold=30)
    scene.read(BAD, BAD, GOOD, BAD, BAD, GOOD)
    assert not scene.entries


def test_nothing_is_repaired_that_cannot_be_recorded() -> None:
    scene = Scene("grafana")
    scene.record_works = False
    scene.read(BAD, BAD)
    assert not scene.queued
    scene.record_works = True
    scene.read(BAD)
    assert (scene.actions, len(scene.queued)) == ([TRIGGERED], 1)


def test_a_failed_repair_says_so_and_is_tried_again_after_a_while() -> None:
    scene = Scene("grafana")
    scene.read(BAD)
    scene.start_repair()
    scene.end_repair(1)
    scene.read(*[BAD] * 10, every=50)
    assert scene.actions == [TRIGGERED, "Auto-heal: Failed (exit code 1)"]
    scene.read(BAD, BAD, every=50)
    assert scene.actions[2:] == [TRIGGERED]
    assert scene.details[2]["attempt"] == 2
    assert len(scene.runs) == 1


def test_a_repair_in_cooldown_is_tried_as_soon_as_it_is_allowed() -> None:
    scene = Scene("grafana")
    scene.read(BAD)
    scene.start_repair()
    scene.incidents.repair_ended(scene.watched, RepairOutcome(1, False, {}, wait=120))
    scene.read(BAD, every=120)
    assert len(scene.queued) == 1
    scene.read(BAD)
    assert len(scene.queued) == 2


def test_repairs_that_are_frozen_are_not_tried_again() -> None:
    scene = Scene("grafana")
    scene.read(BAD)
    scene.start_repair()
    scene.end_repair(1)
    scene.frozen = True
    scene.read(*[BAD] * 10, every=700)
    assert len(scene.queued) == 1
    scene.frozen = False
    scene.read(BAD, every=700)
    assert len(scene.queued) == 2


def test_nothing_is_repaired_again_while_the_state_is_unknown() -> None:
    scene = Scene("grafana")
    scene.read(BAD)
    scene.start_repair()
    scene.end_repair(1)
    scene.read(*[UNKNOWN] * 5, every=700)
    assert len(scene.queued) == 1


def test_a_recovery_waits_for_the_repair_to_end() -> None:
    scene = Scene("grafana")
    scene.read(BAD)
    scene.start_repair()
    scene.read(GOOD, GOOD)
    assert scene.actions == [TRIGGERED]
    scene.end_repair()
    assert scene.actions == [TRIGGERED, DONE, "Auto-heal: Recovered after 5 s"]


def test_a_queued_repair_is_dropped_once_all_is_well() -> None:
    scene = Scene("grafana")
    scene.read(BAD, GOOD)
    assert scene.actions == [TRIGGERED, "Auto-heal: Recovered after 5 s"]


def test_an_end_that_cannot_be_recorded_is_recorded_later_and_first() -> None:
    scene = Scene("grafana")
    scene.read(BAD)
    scene.start_repair()
    scene.record_works = False
    scene.end_repair()
    scene.read(GOOD)
    scene.record_works = True
    scene.read(GOOD)
    assert scene.actions == [TRIGGERED, DONE, "Auto-heal: Recovered after 5 s"]


@pytest.mark.parametrize(
    ("exit_code", "says"),
    [
        (0, DONE),
        (143, "Auto-heal: Interrupted - the monitor was stopped during the repair (exit code 143)"),
        (None, "Auto-heal: Interrupted - the monitor was stopped during the repair (it goes on by itself)"),
    ],
)
def test_a_stop_during_a_repair_is_recorded_and_nothing_more_is_begun(
    exit_code: int | None, says: str
) -> None:
    scene = Scene("grafana")
    scene.read(BAD)
    scene.start_repair()
    scene.incidents.stopping = True
    scene.end_repair(exit_code, stopped=True)
    assert scene.actions == [TRIGGERED, says]
    assert scene.watched.incident is not None


def test_a_stop_closes_the_run_of_a_queued_repair() -> None:
    scene = Scene("grafana")
    scene.read(BAD)
    scene.incidents.stopping = True
    scene.incidents.monitor_stopping(scene.watched)
    assert scene.entries[-1][:2] == wording.NOT_BEGUN


def test_a_removed_threshold_ends_its_incident() -> None:
    scene = Scene()
    scene.read(BAD)
    scene.incidents.remove(scene.watched)
    scene.incidents.remove(scene.watched)
    assert scene.actions[1:] == ["Auto-heal: disk / is no longer watched; it was in breach"]


def test_flapping_is_one_entry_and_its_end_another() -> None:
    scene = Scene("grafana", changes=4)
    for _ in range(2):
        scene.read(BAD)
        scene.start_repair()
        scene.end_repair()
        scene.read(GOOD)
    before = len(scene.entries)
    scene.read(*[BAD, GOOD] * 20)
    scene.read(GOOD, GOOD, every=299)
    assert scene.actions[before - 1 :] == [
        "Auto-heal: disk / is flapping (4 changes in 10 min); further ones are counted, not recorded",
        "Auto-heal: disk / has stopped flapping (40 more changes in 3 min 20 s)",
    ]
    assert scene.outcomes[before - 1 :] == ["failed", "succeeded"]
    assert len(scene.queued) == 2


def test_a_threshold_that_flapped_and_stays_bad_is_repaired() -> None:
    scene = Scene("grafana", changes=4)
    scene.read(BAD, GOOD, BAD, GOOD, BAD)
    assert len(scene.queued) == 2
    scene.read(BAD, BAD, every=299)
    assert scene.actions[-2].endswith("(1 more change in 5 s) and stays in breach")
    assert scene.actions[-1] == TRIGGERED
    assert len(scene.queued) == 3
