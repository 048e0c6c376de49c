"""The configuration of the monitor: what is refused, in which words, and which defaults there are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from qt_repair.config.files import Document
from qt_repair.config.loading import Config, ConfigError, resolve
from qt_repair.monitor.configuration import PROGRAM
from qt_repair.monitor.watch import KINDS
from qt_repair.monitor.watched_threshold import thresholds_of
from tests.support.checkout import ROOT

REPAIRS = ["grafana", "root_disk"]
SHIPPED = ROOT / "files/quantum_trader/config/realtime_monitor.yml"


def checked(value: dict[str, Any]) -> Config:
    return resolve(PROGRAM, "/nowhere", [Document("m.yml", value)], REPAIRS)


def faults(value: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        checked(value)
    return "\n".join(caught.value.lines)


def of(kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"thresholds": {kind: list(items)}}


NOBODY = "auto_repair_system.yml has no repair nobody"
DISK = {"mount": "/", "trigger": 90, "clear": 80}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (
            of("disk", {**DISK, "clear": 90}),
            "At 'thresholds.disk[0].clear' (m.yml): must be below trigger (90)",
        ),
        (of("disk", {**DISK, "clear": 95}), "must be below trigger (90)"),
        (
            of("load", {"trigger": 2, "clear": 2.5}),
            "At 'thresholds.load[0].clear' (m.yml): must be below trigger (2)",
        ),
        (of("disk", {**DISK, "trigger": 101}), "thresholds.disk[0].trigger' (m.yml): must be at most 100"),
        (of("memory", {"trigger": 0, "clear": 0}), "must be more than 0"),
        (of("disk", {**DISK, "mount": "data"}), "must be the mount point: an absolute path, such as /"),
        (
            of("disk", {**DISK, "repairs": ["nobody"]}),
            f"At 'thresholds.disk[0].repairs[0]' (m.yml): {NOBODY}; it has grafana, root_disk",
        ),
        (of("repair", {"repair": "nobody"}), f"At 'thresholds.repair[0].repair' (m.yml): {NOBODY}"),
        (of("disk", DISK, DISK), "At 'thresholds.disk[1].name' (m.yml): another threshold has this name"),
        (of("disk", {**DISK, "hold": -1}), "must be at least 0"),
        (of("disk", {**DISK, "levle": 3}), "unknown key"),
        (of("disk", {**DISK, "triger": 3}), "unknown key; did you mean trigger?"),
        (of("disks", DISK), "At 'thresholds.disks' (m.yml): unknown key; did you mean disk?"),
        (of("http", {"url": "http://qt:hunter22@127.0.0.1/"}), "must hold no user name or password"),
        (of("http", {"url": "ftp://127.0.0.1/"}), "must begin with http:// or https://"),
        (of("tcp", {"port": 70000}), "must be at most 65535"),
        (of("tcp", {"host": "a b", "port": 1}), "must be name or address"),
        (of("container", {"container": "--privileged"}), "must be the container's name"),
        (of("unit", {"unit": "--all"}), "must be its name with the type, such as postgresql.service"),
        (of("pressure", {"resource": "net", "trigger": 5, "clear": 1}), "must be one of cpu, io, memory"),
        (of("process", {}), "needs the key process"),
        ({"round": 0}, "At 'round' (m.yml): must be at least 1"),
        ({"flapping": {"changes": 1}}, "At 'flapping.changes' (m.yml): must be at least 3"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place_and_a_remedy(value: dict[str, Any], says: str) -> None:
    assert says in faults(value)


def test_a_password_in_an_address_is_not_repeated() -> None:
    assert "hunter22" not in faults(of("http", {"url": "http://qt:hunter22@127.0.0.1/"}))


def test_every_fault_is_named_at_once() -> None:
    said = faults(of("disk", {**DISK, "clear": 99, "repairs": ["nobody"]}, {**DISK, "clear": 98}))
    assert len(said.splitlines()) == 5


def test_names_defaults_and_the_round_are_filled_in() -> None:
    value = {"round": 7, **of("tcp", {"port": 5432}, {"port": 22, "name": "ssh", "every": 30})}
    first, second = thresholds_of(checked(value).value)
    assert (first.name, first.every, first.hold, first.repairs) == ("tcp 127.0.0.1:5432", 7, 10, ())
    assert (second.name, second.every, second.repair_again) == ("ssh", 30, 600)


def test_the_name_of_an_address_holds_no_query() -> None:
    value = checked(of("http", {"url": "https://example.com/health?token=hunter22"})).value
    assert [threshold.name for threshold in thresholds_of(value)] == ["https://example.com/health"]


def test_the_shipped_file_is_right_and_needs_no_repairs() -> None:
    value = yaml.safe_load(SHIPPED.read_text())
    assert resolve(PROGRAM, "/nowhere", [Document("x", value)], []).value["round"] == 5


def test_an_empty_file_watches_nothing() -> None:
    assert list(thresholds_of(checked({}).value)) == []


def test_schema_and_program_know_the_same_kinds() -> None:
    schema = PROGRAM.schema()
    assert list(schema["properties"]["thresholds"]["properties"]) == list(KINDS)
