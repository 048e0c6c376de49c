"""The rules that the product ships are the ones that gitleaks names, and Python's re takes them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from qt_audit.settings.secret_patterns import tokens
from tests.support.checkout import TOOLS
from tests.unit.qt_audit.settings.gitleaks_rules import LEFT_OUT, rule_of, translate

FILE = TOOLS / "qt_audit/settings/secret_patterns/gitleaks.json"
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))


def test_source_and_licence_are_named() -> None:
    assert "gitleaks" in DOCUMENT["source"]
    assert re.fullmatch("[0-9a-f]{40}", DOCUMENT["commit"])
    assert "MIT License" in FILE.with_name("gitleaks.LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", DOCUMENT["rules"], ids=lambda rule: str(rule["id"]))
def test_a_rule_compiles_and_has_keywords(rule: dict[str, Any]) -> None:
    assert rule["id"] not in LEFT_OUT
    assert rule["kind"] in ("prefix", "inner", "service")
    assert rule["keywords"]
    assert all(keyword == keyword.lower() for keyword in rule["keywords"])
    compiled = re.compile(rule["pattern"])
    assert rule["kind"] != "service" or compiled.groups >= 1


@pytest.mark.parametrize(
    ("regex", "python"),
    [
        ("a(?i)b", "a(?i:b)"),
        ("(?i)a(b)", "(?i:a(b))"),
        ("(x(?i)[(])y", "(x(?i:[(]))y"),
        (r"\(a(?i)b", r"\(a(?i:b)"),
        ("[[:alnum:]]{3}", "[A-Za-z0-9]{3}"),
    ],
)
def test_flags_and_classes_are_translated(regex: str, python: str) -> None:
    assert translate(regex) == python


def test_a_boundary_that_takes_a_character_is_left_out() -> None:
    boundary = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
    rule = rule_of({"id": "x-token", "keywords": ["X_"], "regex": rf"\b(x_[a-z]{{9}}){boundary}"})
    assert rule["pattern"] == r"\b(x_[a-z]{9})[A-Za-z0-9_-]*"


def test_without_the_file_the_prefixes_of_ours_go_on_working(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "__file__", "/nonexistent/tokens.py")
    monkeypatch.setattr(tokens, "_rules", None)
    assert tokens.redact("gh" + "p_" + "a1" * 18) == "[redacted]"
