"""The services' units: each is bounded, so that a fault in it cannot take the host along."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

UNITS = sorted((ROOT / "roles").glob("*/templates/*.service.j2"))


def test_there_are_units() -> None:
    assert [unit.name for unit in UNITS] == ["deliver.service.j2", "monitor.service.j2"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
@pytest.mark.parametrize("key", ["MemoryMax", "TasksMax"])
def test_memory_and_processes_are_bounded(unit: Path, key: str) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    assert re.fullmatch(r"\d+[M%]?", parser["Service"][key])
