"""The text of a mail: no header can be injected, lines have at most 998 octets, both parts say the same."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import default

import pytest

from qt_audit.delivery.transport.mail_text import as_bytes
from tests.support.messages import HOSTILE, message

HEADERS = {
    "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "Importance", "MIME-Version",
    "Content-Type",
}  # fmt: skip


def parsed(data: bytes) -> EmailMessage:
    mail = email.message_from_bytes(data, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("where", ["title", "text", "host", "id", "created", "fields", "html"])
def test_whatever_the_text_the_mail_is_well_formed(where: str, text: str) -> None:
    value: object = ((text, text),) if where == "fields" else text
    data = as_bytes(message(**{where: value}), "qt@vps.example.com", "ops@example.com", 259_200.0)
    assert data.isascii()
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r")
    mail = parsed(data)
    assert set(mail.keys()) == HEADERS
    assert mail.defects == []
    assert [str(mail[name]) for name in ("To", "Auto-Submitted")] == ["ops@example.com", "auto-generated"]
    assert mail["From"].addresses[0].addr_spec == "qt@vps.example.com"
    assert [item.get_content_type() for item in mail.iter_parts()] == ["text/plain", "text/html"]
    assert len(str(mail["Subject"])) <= 120


def test_the_headers_say_who_what_when_and_which() -> None:
    mail = parsed(as_bytes(message(), "qt@vps.example.com", "ops@example.com"))
    assert mail["Subject"] == (
        "[vps.example.com] Auto-repair: Restarted Grafana container - FAILED: exit code 1"
    )
    assert mail["Message-ID"] == "<01JD-alert-7@vps.example.com>"
    assert mail["Date"].datetime.isoformat() == "2026-11-23T09:12:31+00:00"
    assert mail["Importance"] == "high"
    assert mail.get_content_type() == "multipart/alternative"


def test_both_parts_say_the_same() -> None:
    mail = parsed(as_bytes(message(text="a < b & c"), "qt@x", "ops@example.com", 7200.0))
    plain, page = part(mail, "plain"), part(mail, "html")
    assert plain.startswith("(delivered 2 h late)\n\na < b & c\n\nSource: auto_repair_system\n")
    assert f"head 41 {'9f3a' * 16}" in plain
    for told in ("(delivered 2 h late)", "a &lt; b &amp; c", "auto_repair_system", f"head 41 {'9f3a' * 16}"):
        assert told in page


def test_a_page_of_its_own_is_sent_as_it_is_but_for_lateness() -> None:
    page = "<!DOCTYPE html><html><body class='x'><h1>Week 47 ✅</h1></body></html>"
    told = part(parsed(as_bytes(message(html=page), "qt@x", "ops@example.com", 7200.0)), "html")
    assert told.strip() == page.replace("<h1>", "<p><strong>(delivered 2 h late)</strong></p><h1>")
    told = part(parsed(as_bytes(message(html=page), "qt@x", "ops@example.com")), "html")
    assert told.strip() == page


def test_nothing_of_a_text_becomes_html() -> None:
    hostile = message(title=HOSTILE["HTML"], text=HOSTILE["HTML"], fields=((HOSTILE["HTML"],) * 2,))
    page = part(parsed(as_bytes(hostile, "qt@x", "ops@example.com")), "html")
    assert "<script" not in page
    assert "<img" not in page
