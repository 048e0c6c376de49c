"""Write a message as a mail: text and HTML, safe headers, and lines within SMTP's limit."""

from __future__ import annotations

import html
import re
import socket
from datetime import datetime, timezone
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from qt_audit.delivery.message import Message
from qt_audit.delivery.wording import texts

SUBJECT = 120
"""Longest subject in characters, about twice what a phone shows."""
# 7bit: long lines and everything but ASCII are encoded, so no line has more than 78 octets.
_POLICY = SMTP.clone(cte_type="7bit", raise_on_defect=False)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})*")
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


def as_bytes(message: Message, sender: str, recipient: str, late_s: float = 0.0) -> bytes:
    """The whole mail as it is transferred, with CRLF at line ends."""
    host = texts.one_line(message.host, 60)
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = texts.one_line(f"[{host}] {message.title}", SUBJECT)
    mail["From"] = _address(sender, f"Quantum Trader audit ({host})")
    mail["To"] = _address(recipient)
    mail["Date"] = _moment(message.created)
    mail["Message-ID"] = f"<{texts.header_word(message.id)}@{domain(message.host)}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.severity == "critical" and message.kind != "recovery":
        mail["Importance"] = "high"
    mail.set_content(_text(message, late_s))
    mail.add_alternative(_html(message, late_s), subtype="html")
    return mail.as_bytes()


def domain(host: str) -> str:
    """The host's name if it can be used as a domain, else `localhost`."""
    return host if _DOMAIN.fullmatch(host) else "localhost"


def default_sender(user: str) -> str:
    """The user at this machine's mail name (/etc/mailname on Debian), else at its host name."""
    try:
        with open("/etc/mailname", encoding="ascii") as file:
            name = file.readline(256).strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    return f"{user}@{name if _DOMAIN.fullmatch(name) else domain(socket.gethostname())}"


def _address(address: str, display: str = "") -> Address:
    user, _, host = address.rpartition("@")
    return Address(display, user, host)


def _moment(created: str) -> datetime:
    """A time written as in entries; the present if it is malformed."""
    try:
        return datetime.strptime(f"{created[:19]}Z", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return datetime.now(timezone.utc)


def _facts(message: Message) -> list[tuple[str, str]]:
    return [(texts.one_line(name, 100), texts.clean(value).strip() or "–") for name, value in message.fields]


def _text(message: Message, late_s: float) -> str:
    late = texts.late(late_s)
    blocks = [
        f"({late})" if late else "",
        texts.clean(message.text).strip("\n"),
        "\n".join(f"{name}: {value}" for name, value in _facts(message)),
        f"-- \n{texts.foot(message, 0.0)}",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _html(message: Message, late_s: float) -> str:
    """The message's own page, or a plain one with its text. A delay is shown at the top of either."""
    late = texts.late(late_s)
    delay = f"<p><strong>({html.escape(late)})</strong></p>" if late else ""
    if message.html is not None:
        page = message.html.encode("utf-8", "replace").decode()
        body_tag = _BODY.search(page)
        at = body_tag.end() if body_tag else 0
        return page[:at] + delay + page[at:]
    facts = "".join(
        f"<tr><th align='left'>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in _facts(message)
    )
    return (
        "<!DOCTYPE html><html><head><meta charset='utf-8'>"
        "<meta name='color-scheme' content='light dark'></head><body style='font-family:sans-serif'>"
        f"{delay}<h3>{texts.sign(message)} {html.escape(texts.one_line(message.title, 300))}</h3>"
        f"<pre style='white-space:pre-wrap'>{html.escape(texts.clean(message.text))}</pre>"
        + (f"<table>{facts}</table>" if facts else "")
        + f"<p><small>{html.escape(texts.foot(message, 0.0))}</small></p></body></html>\n"
    )
