"""Hundreds of texts and details with and without secrets: every secret goes, the rest stays as it was.

A row is JSON: `text` or `details`, and the `secrets` that must not be found afterwards. `{+}` is taken out
of a row when it is read: it keeps made-up tokens from looking like real ones to those who scan repositories.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qt_audit.settings.redaction import Redactor
from qt_audit.settings.secret_patterns.key_lines import KeyLines

CORPUS = Path(__file__).with_name("corpus")


def rows(name: str) -> list[dict[str, Any]]:
    lines = (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").replace("{+}", "").splitlines()
    return [json.loads(line) for line in lines]


def redacted(row: dict[str, Any]) -> Any:
    return Redactor().text(row["text"]) if "text" in row else Redactor().details(row["details"])


def test_the_corpus_is_large_enough() -> None:
    assert len(rows("secrets")) >= 100
    assert len(rows("secrets")) + len(rows("harmless")) >= 150


@pytest.mark.parametrize(
    "row", rows("secrets"), ids=lambda row: str(row.get("text", row.get("details")))[:60]
)
def test_every_secret_is_gone(row: dict[str, Any]) -> None:
    shown = json.dumps(redacted(row), ensure_ascii=False)
    assert not [secret for secret in row["secrets"] if secret in shown]


def test_a_redacted_text_stays_as_it_is() -> None:
    once = [redacted(row) for row in rows("secrets") if "text" in row]
    assert [Redactor().text(text) for text in once] == once


def test_fewer_than_one_harmless_row_in_fifty_is_touched() -> None:
    harmless = rows("harmless")
    touched = [row for row in harmless if redacted(row) != row.get("text", row.get("details"))]
    assert len(touched) * 50 < len(harmless), touched


HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.mark.parametrize(
    "text",
    [
        f"prev={HASH}",
        f'"prev": "{HASH}"',
        f"head 4711:{HASH}",
        f"discord: head 4711:{HASH}",
        f"Verified 4711 entries; the head is 4711:{HASH}",
        f"datadog and jira: 4711:{HASH}",
        "release 0f3a9c2e5b71",
        "run 20261128T092256Z-4f1c2a9b",
        "123e4567-e89b-12d3-a456-426614174000",
    ],
)
def test_hashes_heads_runs_and_releases_of_ours_stay(text: str) -> None:
    assert Redactor().text(text) == text
    assert Redactor().details({"head": text, "run": text}) == {"head": text, "run": text}


BODY = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7", "pZk7vQm2xTrQ0BAQEFAASCBKcwggSjAgEAAoIBAQC7"]
LAST = "ab12=="


@pytest.mark.parametrize("prefix", ["", "Nov 28 09:00:00 vps-1 app[1]: ", "> "])
def test_the_lines_of_a_key_go_one_by_one(prefix: str) -> None:
    lines = KeyLines()
    begin, end = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
    shown = "\n".join(lines.redact(prefix + line) for line in [begin, *BODY, end])
    assert not [line for line in BODY if line in shown]


def test_the_last_short_line_of_a_key_goes_and_what_follows_stays() -> None:
    lines = KeyLines()
    header, end = "Proc-Type: 4,ENCRYPTED", "-----END PRIVATE KEY-----"
    keyed = ["-----BEGIN PRIVATE KEY-----", header, *BODY, LAST, end, BODY[0]]
    shown = [lines.redact(line) for line in keyed]
    assert shown[1] == header
    assert LAST not in shown
    assert shown[-1] == BODY[0]


def test_a_key_that_never_ends_hides_no_message() -> None:
    lines = KeyLines()
    lines.redact("-----BEGIN PRIVATE KEY-----")
    messages = ["Restarted Grafana container", "done", "passed: 12, failed: 0"]
    assert [lines.redact(message) for message in messages] == messages


def test_a_certificate_and_a_public_key_are_no_secret() -> None:
    lines = KeyLines()
    for text in ("-----BEGIN CERTIFICATE-----", BODY[0], "-----BEGIN PUBLIC KEY-----", BODY[0]):
        assert lines.redact(text) == text


@pytest.mark.parametrize(
    "details",
    [
        {("a", "password"): "Zk7vQm2xTr"},
        {b"password": "Zk7vQm2xTr"},
        {"args": ("--token", "Zk7vQm2xTr")},
        {"auth": {"deep": [{"er": "Zk7vQm2xTr"}]}},
        {"secrets": {"Zk7": ["Zk7vQm2xTr"]}},
        {"token": b"Zk7vQm2xTr"},
    ],
)
def test_details_that_json_cannot_hold_are_redacted_all_the_same(details: dict[Any, Any]) -> None:
    assert "Zk7vQm2xTr" not in str(Redactor().details(details))
