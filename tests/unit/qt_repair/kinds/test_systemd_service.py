"""The kind `systemd_service`: what systemd's answers mean, what is run as root, and bad settings."""

from __future__ import annotations

from typing import Any

import pytest

from qt_repair import kinds
from qt_repair.finding import Finding, ProbeError
from qt_repair.host.systemd import full_name, parse_show, show_argv
from qt_repair.kinds.systemd_service.probe import finding_of
from qt_repair.kinds.systemd_service.repair import RestartService
from tests.support.kind_settings import faults, settings

NOW = 2930.0
ACTIVE = {
    "Type": "simple", "RemainAfterExit": "no", "Result": "success", "NRestarts": "0", "ExecMainStatus": "0",
    "Id": "cron.service", "LoadState": "loaded", "ActiveState": "active", "SubState": "running",
    "InactiveExitTimestampMonotonic": "2232097418", "ActiveEnterTimestampMonotonic": "2232097418",
    "ActiveExitTimestampMonotonic": "0",
}  # fmt: skip
SETTINGS = settings("systemd_service", unit="cron")


def seen(**properties: str) -> Finding:
    text = "".join(f"{name}={value}\n" for name, value in {**ACTIVE, **properties}.items())
    return finding_of(parse_show("cron", text), SETTINGS, NOW)


def at(seconds_ago: float) -> str:
    """A time of the monotonic clock as systemd prints it."""
    return str(round((NOW - seconds_ago) * 1e6))


def test_an_active_unit_is_found_healthy() -> None:
    assert seen().healthy
    assert seen(ActiveState="reloading").healthy


def test_a_timer_has_no_restarts_to_count() -> None:
    text = "Result=success\nLoadState=loaded\nActiveState=active\nSubState=waiting\n"
    assert finding_of(parse_show("logrotate.timer", text), SETTINGS, NOW).healthy


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        (
            {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "3"},
            "is failed (exit code 3)",
        ),
        ({"ActiveState": "failed", "Result": "start-limit-hit"}, "is failed (start-limit-hit)"),
        ({"ActiveState": "failed", "Result": "oom-kill"}, "is failed (oom-kill)"),
        ({"ActiveState": "inactive", "SubState": "dead"}, "is inactive"),
        (
            {"ActiveState": "inactive", "Type": "oneshot", "RemainAfterExit": "yes"},
            "is inactive",
        ),
        ({"ActiveState": "inactive", "Type": "oneshot", "Result": "timeout"}, "is inactive (timeout)"),
        (
            {"ActiveState": "activating", "InactiveExitTimestampMonotonic": at(121)},
            "is starting for more than 120 s",
        ),
        (
            {"ActiveState": "deactivating", "ActiveExitTimestampMonotonic": at(121)},
            "is stopping for more than 120 s",
        ),
        (
            {"NRestarts": "6", "ActiveEnterTimestampMonotonic": at(599)},
            "restarts in circles: systemd restarted it 6 times",
        ),
        (
            {
                "ActiveState": "activating",
                "NRestarts": "6",
                "ActiveEnterTimestampMonotonic": at(1),
                "InactiveExitTimestampMonotonic": at(0),
            },
            "restarts in circles: systemd restarted it 6 times",
        ),
    ],
)
def test_what_does_not_work_is_found_unhealthy(properties: dict[str, str], says: str) -> None:
    found = seen(**properties)
    assert not found.healthy
    assert found.summary == f"cron.service {says}"


@pytest.mark.parametrize(
    "properties",
    [
        {"NRestarts": "5", "ActiveEnterTimestampMonotonic": at(1)},
        {"NRestarts": "60", "ActiveEnterTimestampMonotonic": at(601)},
    ],
    ids=["few", "long ago"],
)
def test_few_or_old_restarts_are_tolerated(properties: dict[str, str]) -> None:
    assert seen(**properties).healthy


def test_a_unit_that_does_its_work_and_ends_need_not_be_active() -> None:
    assert seen(ActiveState="inactive", Type="oneshot").summary == "cron.service has done its work"


@pytest.mark.parametrize(
    "properties",
    [
        {"ActiveState": "activating", "InactiveExitTimestampMonotonic": at(119)},
        {"ActiveState": "deactivating", "ActiveExitTimestampMonotonic": at(1)},
    ],
    ids=["starting", "stopping"],
)
def test_a_unit_that_systemd_is_starting_or_stopping_is_left_alone(properties: dict[str, str]) -> None:
    with pytest.raises(ProbeError, match=r"is starting|is stopping"):
        seen(**properties)


@pytest.mark.parametrize(
    ("load", "says"),
    [
        ("not-found", "there is no unit named cron.service"),
        ("masked", "systemctl unmask cron.service"),
        ("bad-setting", r"cannot be loaded \(bad-setting\)"),
        ("", r"cannot be loaded \(no answer\)"),
    ],
)
def test_a_unit_that_cannot_be_started_is_named_with_a_remedy(load: str, says: str) -> None:
    with pytest.raises(ProbeError, match=says):
        seen(LoadState=load)


@pytest.mark.parametrize(
    "text",
    ["LoadState=loaded\n", "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=many\n"],
)
def test_an_answer_that_is_not_understood_leaves_the_state_unknown(text: str) -> None:
    with pytest.raises(ProbeError, match="not understood"):
        parse_show("cron", text)


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("nginx", "nginx.service"),
        ("nginx.service", "nginx.service"),
        ("logrotate.timer", "logrotate.timer"),
        ("postgresql@15-main", "postgresql@15-main.service"),
        ("app.v2", "app.v2.service"),
        ("service", "service.service"),
    ],
)
def test_a_unit_is_queried_by_its_full_name(unit: str, name: str) -> None:
    assert full_name(unit) == name
    assert show_argv(unit)[-1] == name


def test_the_sentences_name_the_unit_as_configured() -> None:
    repair, found = RestartService(SETTINGS, "/", kinds.probe_of(SETTINGS, "/")), Finding(False, "")
    assert repair.intent(found) == "Auto-repair: Restarting service cron"
    assert repair.sentence(found) == "Auto-repair: Restarted service cron"


def test_the_commands_run_as_root_are_exact() -> None:
    assert kinds.privileges(SETTINGS) == [
        ["/usr/bin/systemctl", "reset-failed", "cron.service"],
        ["/usr/bin/systemctl", "restart", "cron.service"],
    ]


@pytest.mark.parametrize("unit", ["", "--now", "-H", "cron\n", "a b", "cron*", "../cron", "a/b", "a" * 201])
def test_an_invalid_unit_name_is_refused(unit: str) -> None:
    assert "must be the name of a unit" in faults("systemd_service", unit=unit)["unit"]


@pytest.mark.parametrize(
    ("keys", "path", "says"),
    [
        ({}, "", "needs the key unit"),
        ({"unit": "cron", "max_restarts": 0}, "max_restarts", "must be at least 1"),
        ({"unit": "cron", "restart_window": 0}, "restart_window", "must be at least 1"),
        ({"unit": "cron", "name": "cron"}, "name", "unknown key"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys: dict[str, Any], path: str, says: str) -> None:
    assert says in faults("systemd_service", **keys)[path]
