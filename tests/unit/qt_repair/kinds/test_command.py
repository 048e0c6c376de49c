"""The kind `command`: its sentences, its commands run by sudo, and settings that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from qt_repair import kinds
from qt_repair.finding import Finding
from qt_repair.kinds.command.probe import last_line, sudo_part
from tests.support.kind_settings import faults, settings

SENTENCE = "Auto-repair: Rebuilt the order book"


@pytest.mark.parametrize(
    ("keys", "intent"),
    [({}, f"{SENTENCE} - started"), ({"intent": "Auto-repair: Rebuilding"}, "Auto-repair: Rebuilding")],
    ids=["default", "configured"],
)
def test_the_sentences_come_from_the_settings(keys: dict[str, str], intent: str) -> None:
    value = settings("command", probe=["true"], repair=["true"], sentence=SENTENCE, **keys)
    repair = kinds.repair_of(value, "/", kinds.probe_of(value, "/"))
    assert repair.intent(Finding(False, "")) == intent
    assert repair.sentence(Finding(False, "")) == SENTENCE


@pytest.mark.parametrize(
    ("argv", "inner"),
    [
        (["/usr/bin/true"], None),
        (["sudo", "/usr/bin/true"], ["/usr/bin/true"]),
        (["/usr/bin/sudo", "-n", "--", "/usr/bin/true", "--", "-n"], ["/usr/bin/true", "--", "-n"]),
        (["sudo"], []),
    ],
)
def test_the_command_behind_sudo_is_found(argv: list[str], inner: list[str] | None) -> None:
    assert sudo_part(argv) == inner


def test_only_commands_written_with_sudo_run_as_root() -> None:
    restart = ["/usr/bin/systemctl", "restart", "nginx.service"]
    value = settings("command", probe=["/bin/check"], repair=["sudo", "-n", *restart], sentence=SENTENCE)
    assert kinds.privileges(value) == [restart]
    assert kinds.privileges({**value, "repair": restart}) == []


def test_a_long_last_line_is_cut() -> None:
    assert last_line("first\nlast \n\n") == "last"
    assert len(last_line("x" * 1000)) == 200
    assert last_line("") == ""


WHOLE = {"probe": ["true"], "repair": ["true"], "sentence": SENTENCE}


@pytest.mark.parametrize(
    ("keys", "path", "says"),
    [
        ({"probe": []}, "probe", "must not be empty"),
        ({"probe": [""]}, "probe.0", "must not be empty"),
        ({"probe": "true"}, "probe", "must be a list"),
        ({"repair": [1]}, "repair.0", "must be a text"),
        ({"repair": ["a\0b"]}, "repair", "must hold no NUL character"),
        ({"repair": ["sudo"]}, "repair", "whole path right after sudo"),
        ({"repair": ["sudo", "systemctl", "restart", "x"]}, "repair", "whole path right after sudo"),
        ({"repair": ["sudo", "-u", "root", "/bin/true"]}, "repair", "whole path right after sudo"),
        ({"repair": ["sudo", "/bin/rm", "/var/tmp/*"]}, "repair", "space, quote or wildcard"),
        ({"repair": ["sudo", "/bin/echo", ""]}, "repair", "space, quote or wildcard"),
        ({"repair": ["sudo", "/bin/echo", "a b"]}, "repair", "space, quote or wildcard"),
        ({"sentence": ""}, "sentence", "must be a line"),
        ({"sentence": "a\nb"}, "sentence", "must be a line"),
        ({"sentence": "a\n"}, "sentence", "must be a line"),
        ({"intent": "x" * 201}, "intent", "must be a line"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys: dict[str, Any], path: str, says: str) -> None:
    assert says in faults("command", **{**WHOLE, **keys})[path]
