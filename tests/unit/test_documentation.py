"""README, the page for the person on the VPS, and --help say the same as the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qt_audit.commands import COMMANDS
from qt_audit.settings.table import SETTINGS
from tests.support.checkout import ROOT
from tests.support.records import cli

README = (ROOT / "README.md").read_text()
PAGE = (ROOT / "files/quantum_trader/docs/AI_AUDIT_NOTIFICATION_LAYER.md").read_text()
_NAMED = re.compile(r"audit_logger\.py ([a-z_]+)")


def settings_table() -> str:
    """The README's table as the code would have it."""
    rows = ["| Setting | Default | Purpose |", "| --- | --- | --- |"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else ""
        note = "; a secret" if setting.secret else ""
        rows.append(f"| `{setting.name}` | {default} | {setting.help}{note} |")
    return "\n".join(rows)


def test_the_readme_has_the_table_of_all_settings() -> None:
    begin, end = README.index("<!-- settings:"), README.index("<!-- /settings -->")
    found = README[begin:end].partition("-->\n")[2].strip()
    assert found == settings_table()


@pytest.mark.parametrize(("where", "text"), [("README.md", README), ("the page on the VPS", PAGE)])
def test_every_command_that_a_document_names_exists(where: str, text: str) -> None:
    assert set(_NAMED.findall(text)) <= set(COMMANDS), where


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_teaches_by_help(command: str, tmp_path: Path) -> None:
    assert re.search(rf"\b{command}\b", README)
    done = cli(tmp_path, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"audit_logger.py {command}" in done.stdout
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    "module", sorted((ROOT / "files/quantum_trader/tools/qt_audit").rglob("*.py")), ids=str
)
def test_every_option_of_an_example_is_one_that_the_command_has(module: Path, tmp_path: Path) -> None:
    for command, rest in re.findall(r"^  audit_logger\.py ([a-z_]+)(.*)$", module.read_text(), re.MULTILINE):
        words = re.split(r" -- |  |&&|\|", rest)[0]
        options = set(re.findall(r"(?<= )--[a-z-]+", words))
        help_text = cli(tmp_path, command, "--help").stdout
        assert all(option in help_text for option in options), (command, rest)
