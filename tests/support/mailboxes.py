"""A local mail server (aiosmtpd), with or without TLS and accounts, that can refuse mail."""

from __future__ import annotations

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from qt_audit.delivery.channels.mail import Server

USER, PASSWORD = "audit@example.com", "hunter2-S3cr3t"


@dataclass
class Mailbox:
    """The mail that a server received, and the replies that a test sets."""

    received: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Envelope sender, recipient, content as it came over the wire."""
    recipients: dict[str, str] = field(default_factory=dict)
    """Reply to RCPT by address; 250 for any other."""
    sender: str = ""
    """Reply to MAIL; empty: 250."""
    data: str = ""
    """Reply to DATA; empty: the mail is accepted."""
    login: str = ""
    """Reply to a right password; empty: the login succeeds."""
    asked: int = 0
    """Number of MAIL commands."""
    logins: int = 0
    """Number of login attempts."""

    async def on_mail(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.asked += 1
        if self.sender:
            return self.sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def on_recipient(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.recipients.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def on_data(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data:
            return self.data
        self.received += [(envelope.mail_from, to, envelope.original_content) for to in envelope.rcpt_tos]
        return "250 OK queued as 4Xyz"

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any
    ) -> AuthResult:
        self.logins += 1
        known = isinstance(given, LoginPassword) and given.login == USER.encode()
        if self.login:
            return AuthResult(success=False, handled=False, message=self.login)
        if not known or given.password != PASSWORD.encode():
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True)

    def mail(self) -> EmailMessage:
        """The last mail, parsed."""
        parsed = message_from_bytes(self.received[-1][2], policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


for _verb, _hook in (("MAIL", Mailbox.on_mail), ("RCPT", Mailbox.on_recipient), ("DATA", Mailbox.on_data)):
    setattr(Mailbox, f"handle_{_verb}", _hook)  # the names that aiosmtpd calls


class MailServer:
    """A mail server in a thread: `with MailServer(mailbox) as server: server.at("none")`."""

    def __init__(
        self,
        mailbox: Mailbox,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        accounts: bool = False,
    ) -> None:
        options: dict[str, Any] = {"hostname": "mail.example.com", "tls_context": starttls}
        if accounts:
            # aiosmtpd does not notice TLS from the first byte on, so only with STARTTLS can it require TLS.
            with_starttls = starttls is not None
            options |= {"authenticator": mailbox.authenticate}
            options |= {"auth_required": with_starttls, "auth_require_tls": with_starttls}
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(
                lambda: SMTP(mailbox, loop=self._loop, **options), "127.0.0.1", 0, ssl=tls
            )
        )
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> MailServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def at(self, security: str, **changes: Any) -> Server:
        """The server's settings, as the channel reads them."""
        return Server("127.0.0.1", self.port, security, **changes)
