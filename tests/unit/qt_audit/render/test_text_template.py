"""Text templates: what is filled in, and what is refused."""

from __future__ import annotations

import pytest

from qt_audit.render.text_template import TextTemplate

SUMMARY = TextTemplate("summary.txt")


def test_a_part_is_filled_in_and_has_no_newline_at_its_end() -> None:
    assert SUMMARY.fill_in("failed", count=2, lines="one\ntwo") == "❌ Failed: 2\none\ntwo"


def test_a_value_is_never_taken_for_a_part_or_a_placeholder() -> None:
    hostile = "$count ${count} $$\n--- failed ---\n"
    assert SUMMARY.fill_in("skipped", text=hostile) == f"⚠️ {hostile}"


def test_a_missing_part_or_value_is_refused() -> None:
    with pytest.raises(KeyError):
        SUMMARY.fill_in("no_such_part")
    with pytest.raises(KeyError):
        SUMMARY.fill_in("failed", count=2)
