"""Mail to real local servers: plain, STARTTLS, TLS, with accounts, and servers that refuse or misbehave."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qt_audit.delivery.channels.mail import Mail, Server
from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, SendResult
from tests.support import receivers
from tests.support.certificates import Certificates
from tests.support.mailboxes import PASSWORD, USER, Mailbox, MailServer
from tests.support.messages import HOSTILE, message
from tests.support.receivers import raw

LONG = 20.0
"""Seconds that are never used up."""
ACCOUNT = {"user": USER, "password": PASSWORD}


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    return made


@pytest.fixture(autouse=True)
def nothing_shows_the_password(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    yield
    out, err = capfd.readouterr()
    assert PASSWORD not in out + err + caplog.text


def mail(server: Server, recipient: str = "ops@example.com") -> Mail:
    return Mail("mail-1", recipient, "qt@vps.example.com", server)


def sent(
    server: Server, timeout: float = LONG, recipient: str = "ops@example.com", **more: Any
) -> SendResult:
    channel = mail(server, recipient)
    result = channel.send(message(**more), timeout)
    assert PASSWORD not in f"{result!r} {channel} {channel!r} {server!r}"
    assert "\n" not in result.says
    return result


def test_a_mail_is_handed_over_whole() -> None:
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        result = sent(server.at("none"))
    assert result == SendResult(SENT, "taken by the mail server", 250, done=1)
    ((sender, recipient, content),) = mailbox.received
    assert (sender, recipient) == ("qt@vps.example.com", "ops@example.com")
    assert mailbox.mail()["Message-ID"] == "<01JD-alert-7@vps.example.com>"
    assert [part.get_content_type() for part in mailbox.mail().iter_parts()] == ["text/plain", "text/html"]
    assert max(len(line) for line in content.split(b"\r\n")) <= 998


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_text_that_attacks_is_one_mail_to_one_recipient(text: str) -> None:
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        hostile: dict[str, Any] = dict.fromkeys(("title", "text", "host", "id"), text)
        assert sent(server.at("none"), **hostile).state == SENT
    assert [recipient for _, recipient, _ in mailbox.received] == ["ops@example.com"]
    assert not {"Bcc", "Cc", "X-Evil"} & set(mailbox.mail().keys())


def test_a_repeat_has_the_same_message_id() -> None:
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        channel = mail(server.at("none"))
        assert [channel.send(message(), LONG, late).state for late in (0.0, 7200.0)] == [SENT, SENT]
    assert len({content.split(b"Message-ID: ")[1].split(b"\r\n")[0] for *_, content in mailbox.received}) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_password_goes_over_verified_tls(
    security: str, certificates: Certificates, tmp_path: Path
) -> None:
    mailbox, tls = Mailbox(), certificates.server()
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o600)
    given = {"tls": tls} if security == "tls" else {"starttls": tls}
    with MailServer(mailbox, accounts=True, **given) as server:
        assert sent(server.at(security, **ACCOUNT)).state == SENT
        assert sent(server.at(security, user=USER, password_file=str(path))).state == SENT
    assert len(mailbox.received) == 2


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("how", "says"),
    [("unknown", "unable to get local issuer certificate"), ("name", "it is for another host name")],
)
def test_a_server_that_cannot_prove_itself_gets_no_password(
    security: str, how: str, says: str, certificates: Certificates, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    tls = Certificates(other).server() if how == "unknown" else certificates.server("mail.example.com")
    mailbox = Mailbox()
    given = {"tls": tls} if security == "tls" else {"starttls": tls}
    with MailServer(mailbox, accounts=True, **given) as server:
        result = sent(server.at(security, **ACCOUNT))
    assert (result.state, says in result.says) == (TRANSIENT, True)
    assert mailbox.logins == mailbox.asked == 0


def test_without_starttls_nothing_is_sent_in_the_clear() -> None:
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        result = sent(server.at("starttls", **ACCOUNT))
    assert result.state == PERMANENT
    assert "offers no STARTTLS; set QT_SMTP_SECURITY" in result.says
    assert mailbox.asked == 0


def test_what_follows_starttls_in_the_clear_is_thrown_away(certificates: Certificates) -> None:
    """A man in the middle may add replies before TLS begins. They must not count as the server's."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example.com ESMTP\r\n")
        connection.recv(1000)
        connection.sendall(b"250-mail.example.com\r\n250 STARTTLS\r\n")
        connection.recv(1000)
        connection.sendall(b"220 go on\r\n250-injected\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ok\r\n")
        tls = certificates.server().wrap_socket(connection, server_side=True)
        heard.append(tls.recv(1000))
        tls.sendall(b"250 mail.example.com\r\n")
        heard.append(tls.recv(1000))
        tls.sendall(b"221 bye\r\n")

    heard: list[bytes] = []
    with raw(serve) as (port, _served):
        result = sent(Server("127.0.0.1", port, "starttls", **ACCOUNT))
    assert result.state == PERMANENT
    assert heard[0].startswith(b"ehlo")
    assert b"AUTH" not in b"".join(heard)


def test_a_server_that_takes_no_password_is_told_of() -> None:
    with MailServer(Mailbox()) as server:
        result = sent(server.at("none", **ACCOUNT))
    assert (result.state, "unset QT_SMTP_USER" in result.says) == (PERMANENT, True)


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        ("535 5.7.8 no: hunter2-S3cr3t", PERMANENT),
        ("534 5.7.9 mechanism too weak", PERMANENT),
        ("454 4.7.0 temporary authentication failure", TRANSIENT),
    ],
)
def test_a_password_that_is_not_taken(reply: str, state: str, certificates: Certificates) -> None:
    mailbox = Mailbox(login=reply)
    with MailServer(mailbox, starttls=certificates.server(), accounts=True) as server:
        result = sent(server.at("starttls", **ACCOUNT))
    assert (result.state, result.status) == (state, int(reply[:3]))
    assert result.says == f"the mail server does not take QT_SMTP_USER and its password: {reply[:3]}"


@pytest.mark.parametrize("mode", [0o644, 0o640, None])
def test_a_password_file_that_others_may_read_is_not_used(
    mode: int | None, certificates: Certificates, tmp_path: Path
) -> None:
    path, mailbox = tmp_path / "password", Mailbox()
    if mode is not None:
        path.write_text(PASSWORD)
        path.chmod(mode)
    with MailServer(mailbox, tls=certificates.server(), accounts=True) as server:
        result = sent(server.at("tls", user=USER, password_file=str(path)))
    assert result.state == PERMANENT
    assert result.says.startswith("QT_SMTP_PASSWORD_FILE c")
    assert mailbox.logins == 0


REFUSALS = [
    ("550 5.1.1 no such user here", PERMANENT),
    ("551 user not local", PERMANENT),
    ("552 5.2.2 mailbox full", PERMANENT),
    ("554 5.7.1 relay access denied", PERMANENT),
    ("421 4.3.2 shutting down", TRANSIENT),
    ("450 4.2.0 greylisted, try again", TRANSIENT),
    ("451 4.3.0 try later", TRANSIENT),
    ("452 4.2.2 insufficient storage", TRANSIENT),
]


@pytest.mark.parametrize("step", ["sender", "recipients", "data"])
@pytest.mark.parametrize(("reply", "state"), REFUSALS)
def test_a_refusal_is_told_in_the_servers_words(step: str, reply: str, state: str) -> None:
    given: dict[str, Any] = {step: {"ops@example.com": reply} if step == "recipients" else reply}
    mailbox = Mailbox(**given)
    with MailServer(mailbox) as server:
        result = sent(server.at("none"))
    assert (result.state, result.status) == (state, int(reply[:3]))
    assert reply in result.says
    assert mailbox.received == []


def test_of_several_recipients_each_is_answered_for_themselves() -> None:
    """A message is repeated only for recipients that did not get it."""
    mailbox = Mailbox(
        recipients={"gone@example.com": "550 5.1.1 gone", "grey@example.com": "450 4.2.0 later"}
    )
    everybody = ("ops@example.com", "gone@example.com", "grey@example.com", "dev@example.com")
    with MailServer(mailbox) as server:
        states = [sent(server.at("none"), recipient=recipient).state for recipient in everybody]
    assert states == [SENT, PERMANENT, TRANSIENT, SENT]
    assert [recipient for _, recipient, _ in mailbox.received] == ["ops@example.com", "dev@example.com"]


def greeted(then: bytes) -> Callable[[socket.socket], None]:
    """A server that greets, and says this to each of two commands."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example.com ESMTP\r\n")
        for _ in range(2):
            connection.recv(1000)
            connection.sendall(then)

    return serve


def drip(connection: socket.socket) -> None:
    receivers.endless(connection, b"220-")


SLOW = r"the mail server gave no answer within 0.5 s"
GONE = "the mail server closed the connection"
FAULTS: dict[str, tuple[Callable[[socket.socket], None], str, str]] = {
    "hang": (receivers.hang, TRANSIENT, SLOW),
    "drip": (drip, TRANSIENT, SLOW),
    "close": (lambda connection: None, TRANSIENT, GONE),
    "another protocol": (lambda c: c.sendall(b"HTTP/1.1 400 Bad\r\n"), TRANSIENT, "does not greet"),
    "no service": (lambda c: c.sendall(b"554 no service here\r\n"), PERMANENT, "554 no service here"),
    "busy": (lambda c: c.sendall(b"421 too busy\r\n"), TRANSIENT, "421 too busy"),
    "an endless line": (lambda c: c.sendall(b"220 " + b"x" * 100_000), TRANSIENT, "does not speak SMTP"),
    "knows no name": (greeted(b"550 what?\r\n"), PERMANENT, "550"),
    "control characters": (lambda c: c.sendall(b"554 \x1b[2J\xff\x00 no\r\n"), PERMANENT, "554 \\x1b[2J"),
}


@pytest.mark.parametrize(("serve", "state", "says"), FAULTS.values(), ids=FAULTS.keys())
def test_a_server_that_misbehaves_holds_nobody(
    serve: Callable[[socket.socket], None], state: str, says: str
) -> None:
    with raw(serve) as (port, served):
        result = sent(Server("127.0.0.1", port, "none"), timeout=0.5)
    assert (result.state, says in result.says) == (state, True)
    assert len(served) == 1


class Flood:
    """A server that never ends a reply: its greeting, or the one to its first or second command."""

    def __init__(self, line: bytes, commands: int) -> None:
        self._line = line
        self._commands = commands
        self.sent = 0

    def __call__(self, connection: socket.socket) -> None:
        if self._commands:
            connection.sendall(b"220 mail.example.com ESMTP\r\n")
        for _ in range(self._commands - 1):
            connection.recv(1000)
            connection.sendall(b"250-mail.example.com\r\n250 STARTTLS\r\n")
        if self._commands:
            connection.recv(1000)
        block = self._line * (1 + 10_000 // len(self._line))
        while self.sent < 200_000_000:
            connection.sendall(block)
            self.sent += len(block)


ENDLESS = {
    "lines": b"250-" + b"x" * 60 + b"\r\n",
    "short lines": b"250-\r\n",
    "long lines": b"250-" + b"x" * 8000,
}


@pytest.mark.parametrize("commands", [0, 1, 2], ids=["greeting", "first command", "second command"])
@pytest.mark.parametrize("line", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_reply_without_an_end_is_cut_short(
    certificates: Certificates, security: str, line: bytes, commands: int
) -> None:
    flood = Flood(line, commands)
    with raw(flood, certificates.server() if security == "tls" else None) as (port, _served):
        answer = sent(Server("127.0.0.1", port, security))
    assert (answer.state, answer.says) == (TRANSIENT, "the mail server does not speak SMTP as it should")
    assert flood.sent < 50_000_000


def test_a_server_that_hangs_within_tls_holds_nobody(certificates: Certificates) -> None:
    with raw(receivers.hang, certificates.server()) as (port, _served):
        result = sent(Server("127.0.0.1", port, "tls"), timeout=0.5)
    assert (result.state, SLOW in result.says) == (TRANSIENT, True)


def test_where_nobody_listens_it_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = sent(Server("127.0.0.1", port, "none"))
    assert (result.state, result.says) == (TRANSIENT, "the mail server: connection refused")


def test_a_server_that_nobody_knows_is_tried_again() -> None:
    result = sent(Server("mail.invalid", 25, "none"))
    assert (result.state, result.says) == (TRANSIENT, "the mail server: the host name is not known")
