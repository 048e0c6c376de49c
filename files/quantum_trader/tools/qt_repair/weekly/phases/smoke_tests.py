"""Smoke tests: commands that must succeed, and addresses that must answer."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import RepairError
from qt_repair.host import process
from qt_repair.host.http import check_url, display_url
from qt_repair.weekly.observation import Observation, count_text

MISSING = "name commands or addresses in phases.smoke_tests.commands or phases.smoke_tests.http"
REMEDY = "Run what failed by hand, as the same user, and read what it says."
_OUTPUT = 500


def plan(settings: Mapping[str, Any]) -> list[str]:
    return [
        *(
            f"{test['name']}: {os.path.basename(test['run'][0])} ends with {test['expect_exit']}"
            for test in settings["commands"]
        ),
        *(f"{test['name']}: {display_url(test['url'])} answers" for test in settings["http"]),
    ]


def check(settings: Mapping[str, Any], home: str) -> Observation:
    problems: list[str] = []
    tests: dict[str, Any] = {}
    for test in settings["commands"]:
        wrong, tests[test["name"]] = _run(test, home)
        problems += [f"{test['name']}: {wrong}"] if wrong else []
    for test in settings["http"]:
        wrong, tests[test["name"]] = check_address(test)
        problems += [f"{test['name']}: {wrong}"] if wrong else []
    commands, addresses = len(settings["commands"]), len(settings["http"])
    summary = f"{count_text(commands, 'command')}, {count_text(addresses, 'address', 'addresses')}"
    return Observation(summary, tuple(problems), details={"tests": tests})


def _run(test: Mapping[str, Any], home: str) -> tuple[str, dict[str, Any]]:
    """Run a command: what is wrong ("" if nothing), and details."""
    try:
        ended = process.run(test["run"], test["timeout"], env={**os.environ, "QT_HOME": home}, cwd=home)
    except RepairError as error:
        return str(error), {"error": str(error)}
    details: dict[str, Any] = {"exit_code": ended.exit_code, "duration_s": round(ended.duration_s, 3)}
    wrong = ""
    if ended.exit_code != test["expect_exit"]:
        last = (ended.shown_output.splitlines() or [""])[-1][:200]
        wrong = f"ended with {ended.exit_code}, not {test['expect_exit']}" + (f": {last}" if last else "")
    elif "expect_output" in test and not re.search(test["expect_output"], ended.output, re.MULTILINE):
        wrong = "its output does not have what expect_output asks for"
    if wrong:
        details["output"] = ended.shown_output[-_OUTPUT:]
    return wrong, details


def check_address(test: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Request an address: what is wrong ("" if nothing), and details."""
    found = check_url(test["url"], test["timeout"], test.get("expect"))
    return "" if found.healthy else found.summary, {"summary": found.summary, **found.details}
