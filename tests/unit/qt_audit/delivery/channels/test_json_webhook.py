"""The JSON document for an operator's own receiver, and its signature."""

from __future__ import annotations

import json

import jsonschema
import pytest

from qt_audit.delivery.channels.json_webhook import document, signed
from tests.support.messages import HOSTILE, message
from tests.support.receivers import SCHEMA


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_document_keeps_to_its_schema_whatever_the_text(text: str) -> None:
    made = document(message(title=text, text=text, fields=((text, text),)), 12.4)
    jsonschema.validate(json.loads(json.dumps(made)), json.loads(SCHEMA.read_text()))
    assert made["late_s"] == 12


def test_all_that_a_message_says_is_in_it() -> None:
    assert document(message()) == {
        "version": 1,
        "id": "01JD-alert-7",
        "kind": "alert",
        "severity": "critical",
        "title": "Auto-repair: Restarted Grafana container - FAILED: exit code 1",
        "text": "The container did not come up.\nIt was tried 3 times.",
        "fields": [{"name": "Source", "value": "auto_repair_system"}, {"name": "Exit code", "value": "1"}],
        "host": "vps.example.com",
        "created": "2026-11-23T09:12:31.480152Z",
        "late_s": 0,
        "head": {"seq": 41, "hash": "9f3a" * 16},
    }
    assert document(message(head=None))["head"] is None


def test_the_signature_is_the_one_that_openssl_computes() -> None:
    """Of msg_1.1674087231.{"a":1}, by openssl dgst -sha256 -mac HMAC -macopt hexkey:3031…6566 -binary"""
    headers = signed("msg_1", 1674087231, b'{"a":1}', "whsec_MDEyMzQ1Njc4OWFiY2RlZg==")
    assert headers["webhook-signature"] == "v1,Kw+mvDujg/H/C8BvKZQes9MKMMmONPjWG4Ngp7/fjHk="
    assert headers == signed("msg_1", 1674087231, b'{"a":1}', "0123456789abcdef")
    assert (headers["webhook-id"], headers["Idempotency-Key"]) == ("msg_1", "msg_1")


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in signed("msg_1", 1674087231, b"{}", "")


def test_an_id_smuggles_no_header_in() -> None:
    headers = signed("a\r\nX-Evil: 1", 1674087231, b"{}", "0123456789abcdef")
    assert not any(
        "\r" in value or "\n" in value or " " in value for value in headers.values() if "/" not in value
    )
