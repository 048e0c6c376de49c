"""The guard's decisions as pure functions of its state, and its state file."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_repair.engine.guard import Guard, GuardError, Limits, RepairState, after_attempt, after_probe, decide

LIMITS = Limits(cooldown=300, max_per_hour=4, freeze_after=3, thaw_after=1800)
NOW = 1_800_000_000.0


def allowed(state: RepairState, limits: Limits = LIMITS, now: float = NOW, in_all: int = 20) -> bool:
    return decide("grafana", limits, {"grafana": state}, in_all, now).allowed


def test_what_was_never_tried_may_be_tried() -> None:
    assert decide("grafana", LIMITS, {}, 20, NOW).allowed


@pytest.mark.parametrize(("ago", "may"), [(0, False), (299, False), (300, True), (-50, False)])
def test_an_attempt_waits_for_the_cooldown(ago: float, may: bool) -> None:
    """One that seems to lie in the future, because the clock stepped back, counts as now."""
    assert allowed(RepairState(attempts=(NOW - ago,))) is may


def test_the_reason_says_how_long_to_wait() -> None:
    decision = decide("grafana", LIMITS, {"grafana": RepairState(attempts=(NOW - 100,))}, 20, NOW)
    assert decision.why == "cooling down for another 200 s after the last attempt"
    assert decision.wait_s == 200


def test_a_repair_that_is_needed_too_often_must_be_frozen() -> None:
    state = RepairState(attempts=tuple(NOW - minutes * 60 for minutes in (50, 40, 30, 20)))
    decision = decide("grafana", LIMITS, {"grafana": state}, 20, NOW)
    assert not decision.allowed
    assert decision.freeze == "needed more than 4 times in an hour: it does not last"


def test_attempts_older_than_an_hour_do_not_count() -> None:
    assert allowed(RepairState(attempts=(NOW - 4000, NOW - 3700, NOW - 3650, NOW - 1000)))


def test_attempts_in_a_row_that_did_not_help_freeze() -> None:
    decision = decide("grafana", LIMITS, {"grafana": RepairState(unhelpful=3)}, 20, NOW)
    assert decision.freeze == "3 attempts in a row did not help"


def test_a_frozen_repair_is_not_frozen_again() -> None:
    decision = decide("grafana", LIMITS, {"grafana": RepairState(unhelpful=3, frozen_since=NOW - 5)}, 20, NOW)
    assert (decision.allowed, decision.frozen, decision.freeze) == (False, True, "")


def test_all_repairs_together_have_a_budget() -> None:
    states = {f"other{n}": RepairState(attempts=(NOW - 60 * n,)) for n in range(1, 6)}
    assert decide("grafana", LIMITS, states, 6, NOW).allowed
    decision = decide("grafana", LIMITS, states, 5, NOW)
    assert decision.why == "5 repairs were tried in the last hour, and 5 are allowed in all"
    assert decision.wait_s == 3300  # until the oldest of the five is an hour ago
    assert decide("grafana", LIMITS, states, 3, NOW).wait_s == 3420


def test_an_attempt_counts_as_unhelpful_until_it_helped() -> None:
    state = after_attempt(after_attempt(RepairState(), NOW - 400), NOW)
    assert (state.unhelpful, state.attempts) == (2, (NOW - 400, NOW))


def test_health_must_last_to_lift_a_freeze() -> None:
    frozen = RepairState(unhelpful=3, frozen_since=NOW, attempts=(NOW,))
    once = after_probe(frozen, True, LIMITS, NOW + 10)
    assert once.frozen_since is not None
    assert after_probe(once, True, LIMITS, NOW + 1809).frozen_since is not None
    assert after_probe(once, True, LIMITS, NOW + 1810) == RepairState()


def test_an_unhealthy_probe_in_between_restarts_the_wait() -> None:
    frozen = RepairState(unhelpful=3, frozen_since=NOW)
    state = after_probe(after_probe(frozen, True, LIMITS, NOW), False, LIMITS, NOW + 1700)
    assert after_probe(state, True, LIMITS, NOW + 1810).frozen_since is not None


def test_health_is_not_tracked_without_failures() -> None:
    assert after_probe(RepairState(), True, LIMITS, NOW) == RepairState()


@given(st.lists(st.tuples(st.floats(0, 400), st.booleans()), max_size=40))
def test_no_hour_has_more_attempts_than_allowed(steps: list[tuple[float, bool]]) -> None:
    """Whatever the order of trouble and waiting: each attempt asks the guard first."""
    limits = replace(LIMITS, cooldown=30, freeze_after=100)
    state, now, made = RepairState(), NOW, []
    for wait, helped in steps:
        now += wait
        if allowed(state, limits, now):
            state = after_attempt(state, now)
            made.append(now)
            if helped:
                state = replace(state, unhelpful=0)
    for at in made:
        assert sum(at - 3600 < other <= at for other in made) <= limits.max_per_hour


@pytest.fixture
def home(tmp_path: Path) -> str:
    (tmp_path / "status").mkdir()
    return str(tmp_path)


def test_the_state_outlives_the_program(home: str) -> None:
    clock = [NOW]
    Guard(home, 20, lambda: clock[0]).record_attempt("grafana")
    clock[0] += 10
    assert Guard(home, 20, lambda: clock[0]).decision("grafana", LIMITS).why.startswith("cooling down")


def test_an_attempt_that_was_killed_counts_as_unhelpful(home: str) -> None:
    clock = [NOW]
    for _ in range(3):
        Guard(home, 20, lambda: clock[0]).record_attempt("grafana")  # and never `helped`
        clock[0] += 3600
    assert (
        Guard(home, 20, lambda: clock[0]).decision("grafana", LIMITS).freeze
        == "3 attempts in a row did not help"
    )


def test_a_freeze_is_lifted_by_hand(home: str) -> None:
    guard = Guard(home, 20, lambda: NOW)
    guard.record_attempt("grafana")
    guard.freeze("grafana", "3 attempts in a row did not help")
    assert guard.decision("grafana", LIMITS).frozen
    assert guard.unfreeze("grafana")
    assert guard.decision("grafana", LIMITS).allowed
    assert not guard.unfreeze("grafana")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"repairs": {"grafana": {}}}', '{"repairs": {"a": 1}}'])
def test_a_damaged_state_file_forbids_everything_and_is_named(home: str, content: str) -> None:
    guard = Guard(home, 20, lambda: NOW)
    guard.record_attempt("grafana")
    Path(home, "status/repair/guard.json").write_text(content)
    with pytest.raises(GuardError, match=r"guard\.json: is damaged; look at it, then remove it"):
        guard.decision("grafana", LIMITS)
    with pytest.raises(GuardError):
        guard.record_attempt("grafana")


def test_a_directory_that_is_a_link_is_not_used(home: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "status/repair").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GuardError):
        Guard(home, 20).record_attempt("grafana")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "field",
    [
        {"unhelpful": "1"},
        {"unhelpful": -1},
        {"attempts": [float("inf")]},
        {"attempts": [10**400]},
        {"attempts": "12"},
        {"healthy_since": "then"},
        {"frozen_since": "then"},
        {"frozen_because": 5, "frozen_since": 1},
    ],
)
def test_a_state_file_with_invalid_values_forbids_everything(home: str, field: dict[str, object]) -> None:
    guard = Guard(home, 20)
    guard.record_attempt("grafana")
    path = Path(guard.directory, "guard.json")
    kept = json.loads(path.read_text())
    kept["repairs"]["grafana"].update(field)
    path.write_text(json.dumps(kept))
    with pytest.raises(GuardError, match="is damaged"):
        guard.decision("grafana", LIMITS)


def test_a_pipe_in_place_of_the_state_file_does_not_block(home: str) -> None:
    guard = Guard(home, 20)
    Path(guard.directory).mkdir(parents=True)
    os.mkfifo(f"{guard.directory}/guard.json")
    with pytest.raises(GuardError, match="not a regular file"):
        guard.states()


def test_attempts_under_a_wrong_clock_are_moved_to_the_present(home: str) -> None:
    clock = [NOW + 365 * 86400]
    guard = Guard(home, 2, lambda: clock[0])
    for name in ("grafana", "database"):
        guard.record_attempt(name)
        guard.record_success(name)
    clock[0] = NOW
    guard.record_probe("grafana", False, LIMITS)
    assert not guard.decision("grafana", LIMITS).allowed
    clock[0] += max(LIMITS.cooldown, 3600) + 1
    assert guard.decision("grafana", LIMITS).allowed
