"""The reference of the configuration follows from its schemas and from the prose in each kind's folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from qt_repair import kinds
from qt_repair.config.files import Document
from qt_repair.config.loading import AUTO_REPAIR, resolve
from qt_repair.config.program import Program
from qt_repair.config.reference import document, kinds_table, reference
from qt_repair.config.schema import read_prose
from qt_repair.monitor import configuration, watch
from qt_repair.programs import PROGRAMS
from tests.support.checkout import DELIVERED


def examples(package: str, kind: str) -> Iterator[dict[str, Any]]:
    for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", read_prose(package, kind)):
        yield yaml.safe_load(block)


def test_the_delivered_reference_is_up_to_date() -> None:
    """To renew it: write what `document()` gives into the file."""
    assert (DELIVERED / "docs/REPAIR_REFERENCE.md").read_text() == document(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_key_has_a_meaning(program: Program) -> None:
    rows = [line for line in reference(program).splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []


@pytest.mark.parametrize("kind", watch.KINDS)
def test_every_key_of_a_threshold_is_in_its_section_or_in_that_of_all(kind: str) -> None:
    items = configuration.schema()["properties"]["thresholds"]["properties"][kind]["items"]["properties"]
    by_title = {section.title: section.schema["properties"] for section in configuration.sections()}
    assert {**by_title["Every threshold"], **by_title[f"thresholds.{kind}"]} == items


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_examples_of_a_kind_of_repair_are_accepted(kind: str) -> None:
    found = list(examples(kinds.__file__, kind))
    assert found
    for example in found:
        config = resolve(AUTO_REPAIR, "/home/qt/quantum_trader", [Document("example", example)])
        assert {repair["kind"] for repair in config.repairs.values()} == {kind}


@pytest.mark.parametrize("kind", watch.KINDS)
def test_the_examples_of_a_threshold_are_accepted(kind: str) -> None:
    found = list(examples(watch.__file__, kind))
    assert found
    for example in found:
        assert list(example) == [kind]
        repairs = [name for item in example[kind] for name in item.get("repairs", [])]
        repairs += [item["repair"] for item in example[kind] if "repair" in item]
        documents = [Document("example", {"thresholds": example})]
        resolve(configuration.PROGRAM, "/home/qt/quantum_trader", documents, repairs)


def test_the_table_of_kinds_has_a_row_for_each() -> None:
    head, rule, *rows = kinds_table().splitlines()
    assert (head, rule) == ("| Kind | Looks at | Repairs by |", "| --- | --- | --- |")
    assert [row.split("`")[1] for row in rows] == list(kinds.KINDS)
    assert "| `systemd_service` | active, not failed, not restarting in circles | restarting it |" in rows
