"""The schema of weekly_self_heal.yml, and the rules that a schema cannot say. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from qt_repair.config.program import Problem, Program
from qt_repair.config.schema import read_schema
from qt_repair.host.docker import inspect_argv
from qt_repair.host.http import url_problem


def problems(value: Mapping[str, Any], repair_names: Sequence[str]) -> list[Problem]:
    """The faults in settings that fit the schema and are completed by its defaults. They quote no secret."""
    phases = value["phases"]
    return [
        *_repairs(phases, repair_names),
        *_model(phases["ai_agent"].get("model", {})),
        *_trees(phases["module_integrity"]["trees"]),
        *_addresses(phases),
        *_commands(phases["smoke_tests"]),
        *_names(phases["smoke_tests"]),
    ]


def _repairs(phases: Mapping[str, Any], known: Sequence[str]) -> Iterator[Problem]:
    for name, phase in phases.items():
        for index, repair in enumerate(phase["repairs"]):
            if repair not in known:
                there = f"it has {', '.join(sorted(known))}" if known else "it has none"
                yield (
                    f"phases.{name}.repairs[{index}]",
                    f"auto_repair_system.yml has no repair {repair}; {there}",
                )


def _model(model: Mapping[str, Any]) -> Iterator[Problem]:
    at = "phases.ai_agent.model"
    names, count, sample = model.get("feature_names"), model.get("features"), model.get("sample")
    if model and names is None and count is None:
        yield at, "needs features or feature_names"
    if names is not None and count is not None and len(names) != count:
        yield f"{at}.feature_names", f"has {len(names)} names, features is {count}; leave one of them out"
    expected = len(names) if names is not None else count
    if sample is not None and expected is not None and len(sample) != expected:
        yield f"{at}.sample", f"must have a number for each feature: {expected}, not {len(sample)}"
    if "lowest" in model and "highest" in model and model["lowest"] > model["highest"]:
        yield f"{at}.lowest", f"must not be above highest ({model['highest']:g})"


def _trees(trees: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    paths = Counter(tree["path"].rstrip("/") for tree in trees)
    for index, tree in enumerate(trees):
        if paths[tree["path"].rstrip("/")] > 1:
            yield f"phases.module_integrity.trees[{index}].path", "names the same directory as another tree"


def _addresses(phases: Mapping[str, Any]) -> Iterator[Problem]:
    urls = {f"smoke_tests.http[{n}]": test for n, test in enumerate(phases["smoke_tests"]["http"])}
    if "health" in phases["ai_agent"]:
        urls["ai_agent.health"] = phases["ai_agent"]["health"]
    for path, test in urls.items():
        wrong = url_problem(test["url"])
        if wrong is not None:
            yield f"phases.{path}.url", wrong


def _commands(smoke_tests: Mapping[str, Any]) -> Iterator[Problem]:
    for index, command in enumerate(smoke_tests["commands"]):
        at = f"phases.smoke_tests.commands[{index}]"
        if not command["run"][0].startswith("/"):
            yield f"{at}.run[0]", "must be the program's whole path, such as /usr/bin/curl"
        if any("\0" in word for word in command["run"]):
            yield f"{at}.run", "must hold no NUL character"
        try:
            re.compile(command.get("expect_output", ""))
        except (re.error, OverflowError, RecursionError):
            yield f"{at}.expect_output", "must be a regular expression"


def _names(smoke_tests: Mapping[str, Any]) -> Iterator[Problem]:
    names = Counter(test["name"] for kind in ("commands", "http") for test in smoke_tests[kind])
    for kind in ("commands", "http"):
        for index, test in enumerate(smoke_tests[kind]):
            if names[test["name"]] > 1:
                yield f"phases.smoke_tests.{kind}[{index}].name", "another smoke test has this name"


def privileges(value: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that the phases run as root: the state of the containers."""
    phase = value["phases"]["docker_health"]
    return [inspect_argv(name) for name in phase["containers"]] if phase["enabled"] else []


@cache
def schema() -> Mapping[str, Any]:
    """The schema of config/weekly_self_heal.yml."""
    return read_schema(__file__, "schema.json")


PROGRAM = Program("weekly_self_heal", schema, problems)
