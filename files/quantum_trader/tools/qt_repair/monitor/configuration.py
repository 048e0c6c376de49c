"""The schema of realtime_monitor.yml, the rules that a schema cannot say, and its reference. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from qt_repair.config.program import Problem, Program, Section
from qt_repair.config.reference import ELSEWHERE
from qt_repair.config.schema import own_keys, read_prose, read_schema
from qt_repair.host.http import url_problem
from qt_repair.monitor import watch
from qt_repair.monitor.watch import KINDS, default_name

_MOST = 100
"""Thresholds of one kind."""


def problems(value: Mapping[str, Any], repair_names: Sequence[str]) -> list[Problem]:
    """The faults in settings that fit the schema and are completed by its defaults. They quote no secret."""
    found = []
    for kind, items in value["thresholds"].items():
        for index, item in enumerate(items):
            at = f"thresholds.{kind}[{index}]"
            found += [*_levels(at, item), *_address(at, item), *_repairs(at, item, repair_names)]
    return found + list(_names(value["thresholds"]))


def _levels(at: str, item: Mapping[str, Any]) -> Iterator[Problem]:
    if "clear" in item and item["clear"] >= item["trigger"]:
        yield f"{at}.clear", f"must be below trigger ({item['trigger']:g})"


def _address(at: str, item: Mapping[str, Any]) -> Iterator[Problem]:
    problem = url_problem(item["url"]) if "url" in item else None
    if problem is not None:
        yield f"{at}.url", problem


def _repairs(at: str, item: Mapping[str, Any], known: Sequence[str]) -> Iterator[Problem]:
    named = [(f"{at}.repairs[{index}]", name) for index, name in enumerate(item["repairs"])]
    if "repair" in item:
        named.append((f"{at}.repair", item["repair"]))
    for path, name in named:
        if name not in known:
            there = f"it has {', '.join(sorted(known))}" if known else "it has none"
            yield path, f"auto_repair_system.yml has no repair {name}; {there}"


def _names(thresholds: Mapping[str, Any]) -> Iterator[Problem]:
    """Names must be unique: entries, tables and the state file identify a threshold by its name."""
    names = [
        (f"thresholds.{kind}[{index}]", item.get("name") or default_name(kind, item))
        for kind, items in thresholds.items()
        for index, item in enumerate(items)
    ]
    counts = Counter(name for _, name in names)
    for at, name in names:
        if counts[name] > 1:
            yield f"{at}.name", "another threshold has this name; give each one of its own"


@cache
def schema() -> Mapping[str, Any]:
    """The schema of config/realtime_monitor.yml, with the keys that each kind of threshold adds."""
    whole = read_schema(__file__, "schema.json")
    common = _common_schema()["properties"]
    thresholds = whole["properties"]["thresholds"]["properties"]
    for kind in KINDS:
        own = read_schema(watch.__file__, kind, "schema.json")
        thresholds[kind] = {
            "type": "array",
            "maxItems": _MOST,
            "default": [],
            "description": own["description"],
            ELSEWHERE: _title(kind),
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": own.get("required", []),
                "properties": {
                    **own["properties"],
                    **{k: v for k, v in common.items() if k not in own["properties"]},
                },
            },
        }
    return whole


def sections() -> list[Section]:
    """The reference of the thresholds: the keys of all of them, then a section for each kind."""
    common = _common_schema()
    found = [Section("Every threshold", "", common)]
    for kind in KINDS:
        own = own_keys(read_schema(watch.__file__, kind, "schema.json"), common)
        found.append(Section(_title(kind), read_prose(watch.__file__, kind), own))
    return found


def _common_schema() -> dict[str, Any]:
    return read_schema(__file__, "threshold_schema.json")


def _title(kind: str) -> str:
    return f"thresholds.{kind}"


PROGRAM = Program("realtime_monitor", schema, problems, sections)
