"""Merging, checking and completing a configuration, from documents as files hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qt_repair.config.files import Document, parse
from qt_repair.config.loading import AUTO_REPAIR, DEFAULT, Config, ConfigError, load, resolve
from qt_repair.kinds import KINDS

PROGRAM = "auto_repair_system"
GRAFANA = {"kind": "container", "container": "grafana"}


def resolved(*values: Any) -> Config:
    names = [f"{PROGRAM}.yml", f"{PROGRAM}.d/50-ansible.yml", f"{PROGRAM}.d/90-mine.yml"]
    documents = [Document(name, value) for name, value in zip(names, values, strict=False)]
    return resolve(AUTO_REPAIR, "/home/qt/quantum_trader", documents)


def faults(*values: Any) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        resolved(*values)
    return list(refused.value.lines)


def test_an_empty_configuration_is_complete() -> None:
    assert resolved({}).value == {"guard": {"max_per_hour": 20, "lock_wait": 60}, "repairs": {}}


def test_mappings_are_merged_and_later_files_win() -> None:
    found = resolved(
        {"repairs": {"grafana": {**GRAFANA, "cooldown": 60}}},
        {"repairs": {"grafana": {"cooldown": 120}}},
        {"repairs": {"grafana": {"timeout": 30}}},
    )
    grafana = found.repairs["grafana"]
    assert (grafana["container"], grafana["cooldown"], grafana["timeout"]) == ("grafana", 120, 30)


def test_lists_are_replaced() -> None:
    base = {"kind": "command", "probe": ["a", "b"], "repair": ["c"], "sentence": "Auto-repair: Did it"}
    found = resolved({"repairs": {"mine": base}}, {"repairs": {"mine": {"probe": ["x"]}}})
    assert found.repairs["mine"]["probe"] == ["x"]


def test_the_file_of_each_value_is_known() -> None:
    found = resolved({"repairs": {"grafana": GRAFANA}}, {"repairs": {"grafana": {"cooldown": 120}}})
    origins = {path: origin for path, _, origin in found.explained()}
    assert origins["repairs.grafana.container"] == "auto_repair_system.yml"
    assert origins["repairs.grafana.cooldown"] == "auto_repair_system.d/50-ansible.yml"
    assert origins["repairs.grafana.timeout"] == DEFAULT
    assert origins["guard.max_per_hour"] == DEFAULT


def test_repairs_keep_their_order_and_those_switched_off_are_left_out() -> None:
    found = resolved(
        {"repairs": {"b": GRAFANA, "a": {**GRAFANA, "enabled": False}, "c": GRAFANA}},
        {"repairs": {"b": {"cooldown": 1}}},
    )
    assert list(found.repairs) == ["b", "c"]


@pytest.mark.parametrize(
    ("grafana", "says"),
    [
        ({**GRAFANA, "colour": "red"}, ".colour': unknown key; known are "),
        ({**GRAFANA, "cooldwn": 1}, ".cooldwn': unknown key; did you mean cooldown?"),
        ({"container": "x"}, "': needs the key kind"),
        ({"kind": "container"}, "': needs the key container"),
        ({"kind": "grafana"}, ".kind': must be one of command, container,"),
        ({**GRAFANA, "cooldown": "soon"}, ".cooldown': must be a number"),
        ({**GRAFANA, "cooldown": -1}, ".cooldown': must be at least 0"),
        ({**GRAFANA, "enabled": "maybe"}, ".enabled': must be true or false"),
    ],
)
def test_what_is_wrong_in_a_repair_is_named_by_its_place_and_a_remedy(grafana: Any, says: str) -> None:
    (line,) = faults({"repairs": {"grafana": grafana}})
    assert line.replace(" (auto_repair_system.yml)", "").startswith(f"At 'repairs.grafana{says}")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"repair": {}}, "At 'repair': unknown key; did you mean repairs?"),
        ({"repairs": {"Grafana!": GRAFANA}}, "At 'repairs': must be a name of a-z, 0-9 and _"),
        ({"repairs": []}, "At 'repairs': must be a mapping"),
        ({"guard": {"max_per_hour": 0}}, "At 'guard.max_per_hour': must be at least 1"),
    ],
)
def test_what_is_wrong_elsewhere_is_named_too(value: Any, says: str) -> None:
    (line,) = faults(value)
    assert line.replace(" (auto_repair_system.yml)", "").startswith(says)


def test_a_newline_after_a_name_is_refused() -> None:
    assert len(faults({"repairs": {"grafana\n": GRAFANA}})) == 1
    assert len(faults({"repairs": {"grafana": {"kind": "container", "container": "grafana\n"}}})) == 1


def test_the_file_of_a_wrong_value_is_named() -> None:
    (line,) = faults({"repairs": {"grafana": GRAFANA}}, {"repairs": {"grafana": {"cooldown": -1}}})
    assert line == "At 'repairs.grafana.cooldown' (auto_repair_system.d/50-ansible.yml): must be at least 0"


def test_all_faults_are_named_at_once() -> None:
    wrong = {**GRAFANA, "cooldown": -1, "timeout": 0}
    assert len(faults({"repairs": {"grafana": wrong, "other": {**GRAFANA, "colour": 1}}})) == 3


def test_no_value_is_quoted() -> None:
    secret = "host=db password=hunter2"
    lines = faults(
        {"repairs": {"db": {"kind": "postgres_database", "database": 3, "dsn": [secret], "x": secret}}}
    )
    assert "hunter2" not in " ".join(lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2\n", "x.yml, line 2: the key 'a' stands here twice"),
        ("a: 1\nb: .nan\n", "x.yml, line 2: must be a number that can be computed with"),
        ("a: [-.inf]\n", "x.yml, line 1: must be a number that can be computed with"),
        ("a: 1.0e+999\n", "x.yml, line 1: must be a number that can be computed with"),
        ("a: &b 1\nc: *b\n", "x.yml, line 2: aliases (*name) are not allowed"),
        ("1: a\n", "x.yml, line 1: a key must be a text: put it in quotes"),
        ("- a\n", "x.yml: must be a mapping of keys to values"),
        ("a: [1\n", "x.yml, line 2: "),
        ("\x00", "x.yml: is not YAML"),
        ("a: !!python/object:os.system 1\n", "x.yml, line 1: could not determine a constructor"),
    ],
)
def test_yaml_that_is_not_a_configuration_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, "x.yml")
    (line,) = refused.value.lines
    assert line.startswith(says)
    assert "\n" not in line


def test_a_date_is_read_as_text() -> None:
    assert parse("at: 2026-11-25\n", "x.yml") == {"at": "2026-11-25"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_every_kind_is_described(kind: str) -> None:
    from qt_repair.config.schema import kind_schema

    assert [key for key, sub in kind_schema(kind)["properties"].items() if not sub.get("description")] == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config/auto_repair_system.d").mkdir(parents=True)
    (tmp_path / "config/auto_repair_system.yml").write_text("{}\n")
    return tmp_path


def refused(home: Path) -> str:
    with pytest.raises(ConfigError) as error:
        load(AUTO_REPAIR, str(home))
    (line,) = error.value.lines
    return line


def test_drop_ins_are_read_in_the_order_of_their_names(home: Path) -> None:
    for name, seconds in (("90-mine.yml", 9), ("10-first.yml", 1), (".hidden.yml", 7), ("99-other.txt", 8)):
        (home / f"config/auto_repair_system.d/{name}").write_text(f"guard: {{lock_wait: {seconds}}}\n")
    assert load(AUTO_REPAIR, str(home)).value["guard"]["lock_wait"] == 9


def test_a_candidate_is_read_instead_of_its_drop_in(home: Path, tmp_path: Path) -> None:
    (home / "config/auto_repair_system.d/50-ansible.yml").write_text("guard: {lock_wait: 5}\n")
    candidate = tmp_path / "candidate"
    candidate.write_text("guard: {lock_wait: 6}\n")
    found = load(AUTO_REPAIR, str(home), {"50-ansible.yml": str(candidate)})
    assert found.value["guard"]["lock_wait"] == 6


def test_a_missing_file_is_named_with_a_remedy(home: Path) -> None:
    (home / "config/auto_repair_system.yml").unlink()
    assert (
        refused(home)
        == f"{home}/config/auto_repair_system.yml: does not exist; deploy again, or write {{}} into it"
    )


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_to_is_refused(home: Path, mode: int) -> None:
    (home / "config/auto_repair_system.yml").chmod(mode)
    path = f"{home}/config/auto_repair_system.yml"
    assert refused(home) == f"{path}: others may write to it; run: chmod go-w {path}"


def test_a_file_that_is_not_text_is_refused(home: Path) -> None:
    (home / "config/auto_repair_system.yml").write_bytes(b"a: \xff\n")
    assert refused(home).endswith("is not UTF-8 text (byte 3)")
