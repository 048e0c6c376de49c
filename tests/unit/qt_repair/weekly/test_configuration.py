"""What weekly_self_heal.yml may contain, and the message for anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from qt_repair.config.files import Document
from qt_repair.config.loading import ConfigError, resolve
from qt_repair.weekly.configuration import PROGRAM, privileges
from qt_repair.weekly.phases import PHASES
from tests.support.checkout import TOOLS

SHIPPED = TOOLS.parent / "config/weekly_self_heal.yml"


def resolved(value: Mapping[str, Any], repairs: tuple[str, ...] = ("grafana", "model")) -> Mapping[str, Any]:
    document = Document("weekly_self_heal.yml", value)
    return resolve(PROGRAM, "/home/qt/quantum_trader", [document], repairs).value


def smoke(**test: Any) -> dict[str, Any]:
    return {"phases": {"smoke_tests": {"commands": [{"name": "a", "run": ["/bin/true"], **test}]}}}


def http(**test: Any) -> dict[str, Any]:
    return {"phases": {"smoke_tests": {"http": [{"name": "a", "url": "http://127.0.0.1:1/", **test}]}}}


def model(**keys: Any) -> dict[str, Any]:
    return {"phases": {"ai_agent": {"model": {"path": "models/m.json", **keys}}}}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"schedule": {"day": "someday"}}, r"At 'schedule.day' .*: must be one of monday, .*"),
        ({"schedule": {"time": "25:00"}}, r"At 'schedule.time' .*: must be a time in UTC"),
        ({"schedule": {"time": 180}}, r"At 'schedule.time' .*: must be a text"),
        ({"schedules": {}}, r"At 'schedules' .*: unknown key; did you mean schedule\?"),
        ({"phases": {"docker": {}}}, r"At 'phases.docker' .*: unknown key"),
        ({"phases": {"ai_agent": {"timeout": 0}}}, r"At 'phases.ai_agent.timeout' .*: must be more than 0"),
        (
            {"phases": {"ai_agent": {"repairs": ["grafanna"]}}},
            r"has no repair grafanna; it has grafana, model",
        ),
        (
            {"phases": {"ai_agent": {"repairs": ["Grafana"]}}},
            r"At 'phases.ai_agent.repairs\[0\]' .*: must be",
        ),
        ({"phases": {"docker_health": {"containers": ["--all"]}}}, r"containers\[0\]' .*: must be the name"),
        ({"phases": {"docker_health": {"containers": ["a", "a"]}}}, r"must not hold the same twice"),
        (
            {"phases": {"module_integrity": {"trees": [{"path": ""}]}}},
            r"trees\[0\].path' .*: must not be empty",
        ),
        ({"phases": {"module_integrity": {"trees": [{}]}}}, r"trees\[0\]' .*: needs the key path"),
        (
            {"phases": {"module_integrity": {"trees": [{"path": "a"}, {"path": "a/"}]}}},
            r"trees\[0\].path' .*: names the same directory as another tree",
        ),
        (smoke(run=[]), r"commands\[0\].run' .*: must not be empty"),
        (smoke(run="/bin/true"), r"commands\[0\].run' .*: must be a list"),
        (smoke(run=["true"]), r"commands\[0\].run\[0\]' .*: must be the program's whole path"),
        (smoke(run=["/bin/true", "a\0b"]), r"must hold no NUL character"),
        (smoke(expect_exit=256), r"expect_exit' .*: must be at most 255"),
        (smoke(expect_output="("), r"expect_output' .*: must be a regular expression"),
        (http(url="ftp://127.0.0.1/"), r"http\[0\].url' .*: must be an address"),
        (http(url="http://me:hunter2@127.0.0.1/"), r"http\[0\].url' .*: must hold no user name or password"),
        (http(url="http://"), r"http\[0\].url' .*: must name a host"),
        (model(), r"At 'phases.ai_agent.model' .*: needs features or feature_names"),
        (model(features=0), r"model.features' .*: must be at least 1"),
        (model(features=3, feature_names=["a", "b"]), r"feature_names' .*: has 2 names, features is 3"),
        (model(features=3, sample=[1, 2]), r"sample' .*: must have a number for each feature: 3, not 2"),
        (model(sample=["a"]), r"sample\[0\]' .*: must be a number"),
        (model(features=1, lowest=2, highest=1), r"lowest' .*: must not be above highest \(1\)"),
    ],
)
def test_each_fault_is_one_line_with_its_path(value: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        resolved(value)
    assert "hunter2" not in str(refused.value)


def test_two_smoke_tests_of_one_name_are_refused() -> None:
    value = {
        "phases": {"smoke_tests": {**smoke()["phases"]["smoke_tests"], **http()["phases"]["smoke_tests"]}}
    }
    with pytest.raises(ConfigError, match=r"another smoke test has this name"):
        resolved(value)


def test_a_repair_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="has no repair grafana; it has none"):
        resolved({"phases": {"docker_health": {"repairs": ["grafana"]}}}, ())


def test_an_empty_configuration_has_every_phase_with_its_defaults() -> None:
    value = resolved({})
    assert value["schedule"] == {"day": "sunday", "time": "03:00"}
    assert list(value["phases"]) == list(PHASES)
    assert all(phase["enabled"] and phase["timeout"] > 0 for phase in value["phases"].values())


def test_the_shipped_configuration_watches_the_release_itself() -> None:
    value = resolved(yaml.safe_load(SHIPPED.read_text()))
    trees = value["phases"]["module_integrity"]["trees"]
    assert trees == [{"path": "current/tools", "imports": True, "not_imported": [], "exclude": []}]


def test_the_examples_in_the_shipped_configuration_are_valid() -> None:
    active, _, examples = SHIPPED.read_text().partition("#\n#  ai_agent:")
    examples = "\n".join(line.removeprefix("#") for line in f"#  ai_agent:{examples}".splitlines())
    value = yaml.safe_load(
        active.replace("#      - path", "      - path").replace("\n#        ", "\n        ") + examples
    )
    found = resolved(value)["phases"]
    assert len(found["module_integrity"]["trees"]) == 2
    assert found["docker_health"]["containers"] == ["grafana"]
    assert found["smoke_tests"]["http"][0]["expect"] == {"database": "ok"}


def test_every_key_is_described() -> None:
    def undescribed(schema: Mapping[str, Any], path: str) -> Iterator[str]:
        for key, sub in schema.get("properties", {}).items():
            if not sub.get("description"):
                yield f"{path}.{key}"
            yield from undescribed(sub, f"{path}.{key}")
            yield from undescribed(sub.get("items", {}), f"{path}.{key}[]")

    assert list(undescribed(PROGRAM.schema(), "")) == []


def test_only_the_state_of_named_containers_is_read_as_root() -> None:
    value = resolved({"phases": {"docker_health": {"containers": ["grafana", "redis"]}}})
    assert [argv[0] for argv in privileges(value)] == ["/usr/bin/docker"] * 2
    assert [argv[-1] for argv in privileges(value)] == ["grafana", "redis"]
    assert privileges(resolved({"phases": {"docker_health": {"containers": ["a"], "enabled": False}}})) == []
