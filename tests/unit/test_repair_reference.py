"""The reference of the configuration follows from its schemas, and every key is described."""

from __future__ import annotations

import pytest

from qt_repair.config import PROGRAMS
from qt_repair.reference import document, reference
from tests.installation import DELIVERED


def test_the_delivered_reference_is_what_the_schemas_say() -> None:
    """To renew it: write what `document()` gives into the file."""
    assert (DELIVERED / "docs/REPAIR_REFERENCE.md").read_text() == document()


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_key_has_a_meaning(program: str) -> None:
    rows = [line for line in reference(program).splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []
