"""A message as a mail: text and HTML, headers that nothing can be smuggled into, lines short enough."""

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
"""Characters: what a phone shows of it, twice over."""
# 7bit: whatever is longer or other than ASCII is encoded, so no line is over 78 octets on the way.
_POLICY = SMTP.clone(cte_type="7bit", raise_on_defect=False)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})*")
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


def as_bytes(message: Message, sender: str, recipient: str, late_s: float = 0.0) -> bytes:
    """The whole mail as it goes over the wire, CRLF included."""
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
    """The host's name where a domain is asked for."""
    return host if _DOMAIN.fullmatch(host) else "localhost"


def default_sender(user: str) -> str:
    """`user@` the name that this machine's mail bears (Debian's /etc/mailname), else its host name."""
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
    """When it happened, from a time as entries write it; now, where it is none."""
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
    """The message's own page, or a plain one made of its text; lateness is said at the top of either."""
    late = texts.late(late_s)
    said = f"<p><strong>({html.escape(late)})</strong></p>" if late else ""
    if message.html is not None:
        page = message.html.encode("utf-8", "replace").decode()
        found = _BODY.search(page)
        at = found.end() if found else 0
        return page[:at] + said + page[at:]
    facts = "".join(
        f"<tr><th align='left'>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in _facts(message)
    )
    return (
        "<!DOCTYPE html><html><head><meta charset='utf-8'>"
        "<meta name='color-scheme' content='light dark'></head><body style='font-family:sans-serif'>"
        f"{said}<h3>{texts.sign(message)} {html.escape(texts.one_line(message.title, 300))}</h3>"
        f"<pre style='white-space:pre-wrap'>{html.escape(texts.clean(message.text))}</pre>"
        + (f"<table>{facts}</table>" if facts else "")
        + f"<p><small>{html.escape(texts.foot(message, 0.0))}</small></p></body></html>\n"
    )
