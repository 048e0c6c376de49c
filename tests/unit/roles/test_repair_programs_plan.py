"""What the role makes of its variables on the controller: patches, packages, rights, or what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.checkout import ROOT
from tests.support.plugins import load

SOURCE = str(ROOT / "files" / "quantum_trader")
SECRET = "dsn-s3cret-piece"


plan = load("plugins/filter/repair_programs_plan.py")

GRAFANA = {"kind": "container", "container": "grafana", "timeout": 30, "probe_timeout": 5}
DATABASE = {"kind": "postgres_database", "database": "quantum", "owner": "quantum"}
TRAINED = {"features": 22, "target": "up", "ceiling": 0.5}
AGENT = {"path": "m.json", "features": 2}
MODEL = {"kind": "xgboost_model", "path": "models/m.json", "data": {"csv": "d.csv"}, **TRAINED}


def planned(
    repairs: Mapping[str, Any] | None = None,
    monitor: Mapping[str, Any] | None = None,
    weekly: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    variables = {
        "auto_repair_system": {"repairs": repairs} if repairs is not None else {},
        "realtime_monitor": {"thresholds": monitor} if monitor is not None else {},
        "weekly_self_heal": {"phases": weekly} if weekly is not None else {},
    }
    made: dict[str, Any] = plan.plan(variables, SOURCE, "qt")
    return made


def commands(made: Mapping[str, Any]) -> dict[str, int]:
    """What may be run as root, and for how many seconds."""
    return {" ".join(right["argv"]): right["timeout_s"] for right in made["rights"]}


def test_without_a_repair_nothing_is_installed_or_allowed() -> None:
    made = planned()
    assert (made["problems"], made["rights"], made["packages"], made["database_role"]) == ([], [], [], None)
    assert set(made["shipped"]) == set(made["patches"]) == {plan.REPAIRS, plan.MONITOR, plan.WEEKLY}


def test_the_sandbox_switches_every_kind_of_repair_on() -> None:
    loaded = yaml.safe_load((ROOT / "inventory/sandbox/host_vars/vps.yml").read_text())
    variables = {
        program: loaded[f"repair_programs_{program}"] for program in (plan.REPAIRS, plan.MONITOR, plan.WEEKLY)
    }
    assert plan.plan(variables, SOURCE, "qt")["problems"] == []
    from qt_repair.kinds import KINDS

    assert {repair["kind"] for repair in variables[plan.REPAIRS]["repairs"].values()} == set(KINDS)


def test_a_container_may_be_looked_at_and_restarted_for_as_long_as_its_repair_lasts() -> None:
    assert commands(planned({"grafana": GRAFANA})) == {
        "/usr/bin/docker inspect --type container --format {{.Name}} {{json .State}} grafana": 35,
        "/usr/bin/docker restart --time 10 grafana": 35,
    }


def test_a_repair_that_is_switched_off_gets_no_rights() -> None:
    made = planned({"grafana": {**GRAFANA, "enabled": False}, "db": {**DATABASE, "enabled": False}})
    assert (made["rights"], made["packages"], made["database_role"]) == ([], [], None)


def test_a_command_that_several_need_is_allowed_once_and_for_the_longest() -> None:
    made = planned(
        {"grafana": GRAFANA, "again": {**GRAFANA, "timeout": 200}},
        monitor={"container": [{"container": "grafana"}]},
        weekly={"docker_health": {"containers": ["grafana"]}},
    )
    (inspect,) = [right for right in made["rights"] if "inspect" in right["argv"]]
    assert inspect["timeout_s"] == 205
    assert inspect["purpose"] == "repair grafana, repair again, monitor, week's validation"


def test_a_watched_container_brings_dockers_events_without_a_time_limit() -> None:
    made = commands(planned(monitor={"container": [{"container": "grafana"}]}))
    (events,) = [command for command in made if command.startswith("/usr/bin/docker events ")]
    assert made[events] == 0
    assert "/usr/bin/docker restart --time 10 grafana" not in made


def test_the_operators_command_is_run_as_root_only_where_it_says_sudo() -> None:
    command = {
        "kind": "command",
        "probe": ["/usr/bin/test", "-e", "/run/x"],
        "repair": ["sudo", "/usr/local/sbin/mend", "--now"],
        "sentence": "Auto-repair: Mended x",
    }
    assert list(commands(planned({"x": command}))) == ["/usr/local/sbin/mend --now"]


@pytest.mark.parametrize(
    ("repairs", "weekly", "packages"),
    [
        ({"db": DATABASE}, {}, ["python3-psycopg2"]),
        ({"m": MODEL}, {}, ["python3-xgboost"]),
        (
            {"m": {**MODEL, "data": {"postgres": {"query": "SELECT 1"}}}},
            {},
            ["python3-psycopg2", "python3-xgboost"],
        ),
        ({"m": {"kind": "xgboost_model", "path": "m.json", "features": 2, "trainer": ["/t"]}}, {}, []),
        ({}, {"ai_agent": {"model": AGENT}}, ["python3-xgboost"]),
        ({}, {"ai_agent": {"enabled": False, "model": AGENT}}, []),
        ({"grafana": GRAFANA}, {}, ["sudo"]),
    ],
)
def test_packages_follow_from_the_kinds(
    repairs: dict[str, Any], weekly: dict[str, Any], packages: list[str]
) -> None:
    assert planned(repairs, weekly=weekly)["packages"] == packages


@pytest.mark.parametrize(
    ("dsn", "local"),
    [
        ("", True),
        ("dbname=postgres connect_timeout=3", True),
        ("user=qt", True),
        ("user=postgres", False),
        ("host=/var/run/postgresql", False),
        ("host=db.example.com user=qt", False),
        ("hostaddr=192.0.2.7", False),
        ("port=5433", False),
        ("service=quantum", False),
        ("postgresql://db.example.com/quantum", False),
        ("postgresql:///quantum", False),
    ],
)
def test_a_role_is_made_on_the_hosts_own_server_only(dsn: str, local: bool) -> None:
    role = planned({"db": {**DATABASE, "dsn": dsn}})["database_role"]
    assert role == ({"owners": ["quantum"], "inherits": False} if local else None)


@pytest.mark.parametrize(
    ("database", "role"),
    [
        ({"owner": "quantum"}, {"owners": ["quantum"], "inherits": False}),
        ({"owner": "quantum", "schema_file": "s.sql"}, {"owners": ["quantum"], "inherits": True}),
        ({"owner": "qt", "schema_file": "s.sql"}, {"owners": [], "inherits": False}),
        ({}, {"owners": [], "inherits": False}),
    ],
)
def test_an_owners_rights_are_inherited_only_to_build_a_schema(
    database: dict[str, str], role: dict[str, Any]
) -> None:
    made = planned({"db": {"kind": "postgres_database", "database": "quantum", **database}})
    assert made["database_role"] == role


def test_a_patch_says_what_the_variable_says_and_has_no_alias() -> None:
    shared = ["a", "b"]
    value = {"x": shared, "y": shared, "text": "2026-11-25", "no": False, "none": None, "n": 1.5, "ü": "%"}
    text = plan.patch(value)
    assert text.startswith("# Managed by Ansible")
    assert "&" not in text
    assert yaml.safe_load(text) == value
    assert yaml.safe_load(plan.patch({})) == {}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"auto_repair_system": "repairs"}, "repair_programs_auto_repair_system must be a mapping"),
        ({"realtime_monitor": ["x"]}, "repair_programs_realtime_monitor must be a mapping"),
        ({"auto_repair_system": {"repairs": {"g": {"cooldown": 5}}}}, "At 'repairs.g'"),
        (
            {"auto_repair_system": {"repairs": {"g": {"kind": "container", "contaner": "g"}}}},
            "did you mean container?",
        ),
        (
            {"realtime_monitor": {"thresholds": {"load": [{"trigger": 1, "clear": 2}]}}},
            "At 'thresholds.load[0].clear' (repair_programs_realtime_monitor): must be below trigger (1)",
        ),
        (
            {"realtime_monitor": {"thresholds": {"repair": [{"repair": "nobody"}]}}},
            "repair_programs_realtime_monitor: At 'thresholds.repair[0].repair'",
        ),
        ({"weekly_self_heal": {"schedule": {"day": "someday"}}}, "At 'schedule.day'"),
        ({"weekly_self_heal": {"phases": {"ai_agent": {"repairs": ["nobody"]}}}}, "weekly_self_heal: At"),
    ],
)
def test_what_is_wrong_is_named_with_its_variable(variables: dict[str, Any], says: str) -> None:
    made = plan.plan({plan.REPAIRS: {}, plan.MONITOR: {}, plan.WEEKLY: {}, **variables}, SOURCE, "qt")
    assert says in "\n".join(made["problems"])


def test_faults_of_monitor_and_week_are_named_together() -> None:
    made = planned(monitor={"laod": []}, weekly={"ai_agnet": {}})
    assert len(made["problems"]) == 2


def test_no_problem_shows_a_value() -> None:
    made = planned({"db": {**DATABASE, "dsn": f"host=x password={SECRET}", "encoding": [SECRET], SECRET: 1}})
    assert made["problems"]
    told = [line for line in made["problems"] if SECRET in line]
    # A key is no secret, and stands there by its name.
    assert all(f"repairs.db.{SECRET}" in line for line in told)


def test_a_checkout_without_the_shipped_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    with pytest.raises(plan.AnsibleFilterError, match="check out the whole repository"):
        plan.plan({plan.REPAIRS: {}, plan.MONITOR: {}, plan.WEEKLY: {}}, str(tmp_path), "qt")
