"""The variable tables of the roles' READMEs, from their argument specs; `make docs` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from sandbox.places import REPOSITORY

ROLES = REPOSITORY / "roles"
_TABLE = re.compile(r"^\| Variable \|.*\n(?:\|.*\n)+", re.MULTILINE)


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown, without a newline at its end."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows))


def options(role: str) -> dict[str, dict[str, Any]]:
    """The role's public variables, by name."""
    spec = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text())
    found: dict[str, dict[str, Any]] = spec["argument_specs"]["main"]["options"]
    return found


def table(role: str) -> str:
    """The variable table of a role's README, as it follows from the argument specs."""
    rows = []
    for name, option in options(role).items():
        default = json.dumps(option["default"]) if option["default"] != "" else '""'
        kind = f"list of {option['elements']}" if option["type"] == "list" else option["type"]
        rows.append((f"`{name}`", kind, f"`{default}`", option["description"]))
    return markdown_table(("Variable", "Type", "Default", "Purpose"), rows) + "\n"


def with_table(text: str, role: str) -> str:
    """The README's text with the table as it is to be."""
    return _TABLE.sub(lambda _: table(role), text, count=1)
