"""The variable tables of the roles' READMEs, from their argument specs; `make docs` writes them."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from sandbox.places import REPOSITORY

ROLES = REPOSITORY / "roles"
_TABLE = re.compile(r"^\| Variable \|.*\n(?:\|.*\n)+", re.MULTILINE)


def options(role: str) -> dict[str, dict[str, Any]]:
    """The role's public variables, by name."""
    spec = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text())
    found: dict[str, dict[str, Any]] = spec["argument_specs"]["main"]["options"]
    return found


def table(role: str) -> str:
    """The variable table of a role's README, as it follows from the argument specs."""
    rows = ["| Variable | Type | Default | Purpose |", "| --- | --- | --- | --- |"]
    for name, option in options(role).items():
        default = json.dumps(option["default"]) if option["default"] != "" else '""'
        kind = f"list of {option['elements']}" if option["type"] == "list" else option["type"]
        rows.append(f"| `{name}` | {kind} | `{default}` | {option['description']} |")
    return "\n".join(rows) + "\n"


def with_table(text: str, role: str) -> str:
    """The README's text with the table as it is to be."""
    return _TABLE.sub(lambda _: table(role), text, count=1)
