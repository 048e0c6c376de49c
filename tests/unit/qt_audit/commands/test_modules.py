"""Each command is a module. The test names each part that is missing."""

from __future__ import annotations

import argparse
import re

import pytest

from qt_audit import commands
from tests.support.checkout import ROOT

_TESTS = "\n".join(path.read_text() for path in (ROOT / "tests/integration").rglob("*.py"))


def missing(name: str) -> list[str]:
    """The parts that a command's module lacks, one line each."""
    module, lacks = commands.load(name), []
    help_text = module.__doc__ or ""
    if len(help_text.splitlines()) < 3:
        lacks.append("a docstring of at least three lines: it is what --help says")
    if not re.search(rf"^examples:\n  audit_logger\.py {name}\b", help_text, re.MULTILINE):
        lacks.append(f"`examples:` at the end of its docstring, the first of them `audit_logger.py {name} …`")
    if getattr(module, "GROUP", None) not in commands.GROUPS:
        lacks.append(f"GROUP, one of {', '.join(commands.GROUPS)}")
    if not re.fullmatch(r"[^\n]{10,80}", getattr(module, "HELP", "")):
        lacks.append("HELP, one line of 10 to 80 characters")
    if not callable(getattr(module, "run", None)):
        lacks.append("run(options, settings) -> int")
    if not callable(getattr(module, "add_arguments", None)):
        lacks.append("add_arguments(parser)")
    else:
        module.add_arguments(argparse.ArgumentParser())
    if not re.search(rf"[\"\' ]{name}[\"\' ]", _TESTS):
        lacks.append(f'a test in tests/integration that runs "{name}"')
    return lacks


@pytest.mark.parametrize("name", commands.names())
def test_a_command_is_whole(name: str) -> None:
    lacks = missing(name)
    assert not lacks, f"qt_audit/commands/{name}.py lacks: " + "; ".join(lacks)
