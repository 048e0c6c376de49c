"""The reference of the configuration follows from its schemas, and every key is described."""

from __future__ import annotations

import pytest

from qt_repair.config.program import Program
from qt_repair.config.reference import document, reference
from qt_repair.programs import PROGRAMS
from tests.support.checkout import DELIVERED


def test_the_delivered_reference_is_what_the_schemas_say() -> None:
    """To renew it: write what `document()` gives into the file."""
    assert (DELIVERED / "docs/REPAIR_REFERENCE.md").read_text() == document(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_key_has_a_meaning(program: Program) -> None:
    rows = [line for line in reference(program).splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []
