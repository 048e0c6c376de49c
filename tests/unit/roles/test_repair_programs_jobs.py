"""The operator's own repair scripts in a crontab: each run is recorded."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.support.plugins import load

jobs = load("plugins/filter/repair_programs_jobs.py")

JOB = {"name": "realtime_monitor", "command": ["/usr/bin/python3", "/opt/m.py"], "schedule": "*/5 * * * *"}


def test_a_job_runs_under_the_audit_and_prints_into_the_journal() -> None:
    (line,) = jobs.lines([JOB], "qt", "/home/qt/quantum_trader")
    assert line == (
        "*/5 * * * * qt /usr/bin/systemd-cat --identifier=realtime_monitor /usr/bin/python3"
        " /home/qt/quantum_trader/tools/audit_logger.py run --source realtime_monitor"
        " -- /usr/bin/python3 /opt/m.py"
    )


def test_a_job_may_say_what_people_read() -> None:
    (line,) = jobs.lines([{**JOB, "message": "Auto-repair: Ran the operator's repairs"}], "qt", "/q")
    words = shlex.split(line)
    assert words[words.index("--message") + 1] == "Auto-repair: Ran the operator's repairs"


def test_words_reach_the_command_as_they_are_and_a_percent_sign_is_no_newline() -> None:
    odd = ["/bin/x", "a b", "$HOME", "it's", "100%", "*"]
    (line,) = jobs.lines([{**JOB, "command": odd}], "qt", "/q")
    assert "\\%" in line
    assert shlex.split(line.replace("\\%", "%"))[-len(odd) :] == odd


@pytest.mark.parametrize("value", [[], [JOB], [{**JOB, "message": "Ran it"}]])
def test_a_good_list_has_no_problem(value: Any) -> None:
    assert list(jobs.problems(value)) == []


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("realtime_monitor", "must be a list of mappings"),
        ({"name": "x"}, "must be a list of mappings"),
        (["x"], "[0] must have name, command and schedule"),
        ([{"name": "x"}], "[0] must have name, command and schedule"),
        ([JOB, {**JOB, "user": "root"}], "[1] must have name, command and schedule"),
        ([{**JOB, "name": "a b"}], "[0].name must be of letters"),
        ([{**JOB, "name": "a\nb"}], "[0].name must be of letters"),
        ([{**JOB, "command": "/opt/m.py --now"}], "[0].command must be a list"),
        ([{**JOB, "command": []}], "[0].command must be a list"),
        ([{**JOB, "command": ["m.py"]}], "[0].command must be a list of texts, a program's absolute path"),
        ([{**JOB, "command": ["/m.py", "a\nb"]}], "[0].command must be a list"),
        ([{**JOB, "command": ["/m.py", 5]}], "[0].command must be a list"),
        ([{**JOB, "schedule": "@daily"}], "[0].schedule must be the five fields"),
        ([{**JOB, "schedule": "* * * *"}], "[0].schedule must be the five fields"),
        ([{**JOB, "schedule": "* * * * *\n* * * * * root x"}], "[0].schedule must be the five fields"),
        ([{**JOB, "message": "a\nb"}], "[0].message must be one line"),
    ],
)
def test_a_wrong_list_is_named(value: Any, says: str) -> None:
    assert says in "\n".join(jobs.problems(value))
