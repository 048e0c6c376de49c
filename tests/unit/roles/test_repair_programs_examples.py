"""What the example inventory and the role's README tell operators to write is right."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.support.checkout import ROOT
from tests.unit.roles.test_repair_programs_plan import SOURCE, plan

EXAMPLE = ROOT / "inventory/example/group_vars/all/main.yml"
README = ROOT / "roles/repair_programs/README.md"


def problems(variables: dict[str, Any]) -> list[str]:
    programs = (plan.REPAIRS, plan.MONITOR, plan.WEEKLY)
    mappings = {program: variables.get(f"repair_programs_{program}", {}) for program in programs}
    found: list[str] = plan.plan(mappings, SOURCE, "qt")["problems"]
    return found


def test_the_example_inventory_uncommented_is_right() -> None:
    text = EXAMPLE.read_text()
    commented = text[text.index("# repair_programs_auto_repair_system:") :]
    lines = [line.removeprefix("# ") for line in commented.splitlines() if not re.match(r"# [A-Z]", line)]
    variables = yaml.safe_load("\n".join(lines))
    assert len(variables["repair_programs_auto_repair_system"]["repairs"]) == 4
    assert problems(variables) == []


def test_the_readmes_first_example_is_right() -> None:
    block = README.read_text().split("\n\n    ", 1)[1].split("\n\n", 1)[0]
    variables = yaml.safe_load("    " + block)
    assert variables["repair_programs_auto_repair_system"]["repairs"]
    assert problems(variables) == []
