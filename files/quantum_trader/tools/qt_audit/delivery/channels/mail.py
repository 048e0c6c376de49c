"""Mail by SMTP, as text and HTML. Each recipient is a channel.

So each recipient has an own queue and own attempts. A mailbox that refuses does not delay the others, and
nobody gets a message twice because another one could not be reached.
"""

from __future__ import annotations

import os
import pwd
import re
import smtplib
import socket
import time
from dataclasses import dataclass, field
from typing import BinaryIO

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, Message, SendResult, Values, channel_name
from qt_audit.delivery.transport import connection, mail_text
from qt_audit.delivery.transport.password_file import PasswordError, read_password
from qt_audit.delivery.transport.web_address import AddressError, is_host, is_this_machine
from qt_audit.delivery.wording import texts

SETTING, KIND = "QT_AUDIT_EMAIL", "mail"
SERVICES = "Mail"
ADDRESS = "`QT_AUDIT_EMAIL`: recipients; text and HTML, by STARTTLS or TLS, with or without an account"
NONE, STARTTLS, TLS = "none", "starttls", "tls"
_SENDER = "QT_MAIL_FROM"
_MAILBOX = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*"
)
_TLS_PORT = 465
_LONGEST_LINE, _MOST_LINES, _MOST_BYTES = 4096, 100, 256 * 1024
"""Of a reply: bytes of a line, and lines; and bytes of all replies before TLS, and again within it."""


class _RefusedError(Exception):
    """Mail cannot be sent with these settings. The text says what to change."""


@dataclass(frozen=True)
class Server:
    """The mail server, and how to talk to it. Does not print its password."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""

    def secret(self) -> str:
        """The password. A password file is read at each call. Raises PasswordError."""
        return read_password(self.password_file) if self.password_file else self.password


@dataclass(frozen=True)
class Mail:
    """One recipient."""

    name: str
    recipient: str
    sender: str
    server: Server

    def __str__(self) -> str:
        return f"{self.name} (mail to {self.recipient})"

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> SendResult:
        """See Channel.send(); never in parts. A repeated message has the same Message-ID."""
        deadline = time.monotonic() + timeout
        data = mail_text.as_bytes(message, self.sender, self.recipient, late_s)
        try:
            smtp = _Smtp(self.server, mail_text.domain(message.host), deadline)
            try:
                _secure_and_log_in(smtp, self.server)
                smtp.sendmail(self.sender, [self.recipient], data)
            finally:
                smtp.close()  # without QUIT, whose reply would only cost time
        except (_RefusedError, PasswordError) as error:
            return SendResult(PERMANENT, str(error))
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = error.recipients[self.recipient]
            return _result(code, reply, "refuses this recipient")
        except smtplib.SMTPSenderRefused as error:
            return _result(error.smtp_code, error.smtp_error, "refuses the sender")
        except smtplib.SMTPAuthenticationError as error:
            # Without the server's words: some servers repeat the password in them.
            return _result(error.smtp_code, b"", "does not take QT_SMTP_USER and its password")
        except smtplib.SMTPResponseException as error:
            if isinstance(error.smtp_error, str):  # smtplib's own words; a server's words are bytes
                return SendResult(TRANSIENT, "the mail server does not speak SMTP as it should")
            return _result(error.smtp_code, error.smtp_error, _STEPS.get(type(error), "refuses it"))
        except smtplib.SMTPException:  # smtplib also raises this for a timeout
            timed_out = time.monotonic() >= deadline
            says = f"gave no answer within {timeout:g} s" if timed_out else "closed the connection"
            return SendResult(TRANSIENT, f"the mail server {says}")
        except (OSError, ValueError) as error:
            return SendResult(TRANSIENT, f"the mail server: {connection.why(error, timeout)}")
        return SendResult(SENT, "taken by the mail server", 250, done=1)


def addresses(text: str) -> list[str]:
    """The recipients, separated by commas or blanks."""
    return text.replace(",", " ").split()


def channel(address: str, settings: Values) -> Mail | None:
    """The channel of a recipient; None if the server's settings cannot be used, which problems() reports.

    Raises AddressError.
    """
    if not _MAILBOX.fullmatch(address):
        raise AddressError("must be a plain mail address such as ops@example.com")
    if problems(settings):
        return None
    name = channel_name(KIND, address.lower())
    return Mail(name, address, settings[_SENDER] or _default_sender(), server(settings))


def server(settings: Values) -> Server:
    """The mail server. The default for security is TLS on port 465, none on this machine, else STARTTLS."""
    host, port = settings["QT_SMTP_SERVER"], settings["QT_SMTP_PORT"]
    security = settings["QT_SMTP_SECURITY"]
    if not security:
        security = TLS if port == _TLS_PORT else NONE if is_this_machine(host) else STARTTLS
    return Server(
        host,
        port,
        security,
        settings["QT_SMTP_USER"],
        settings["QT_SMTP_PASSWORD"],
        settings["QT_SMTP_PASSWORD_FILE"],
    )


def problems(settings: Values) -> list[str]:
    """What is wrong with the mail server's settings, one line each. Does not connect to the server."""
    found, mail_server = [], server(settings)
    if not is_host(mail_server.host):
        found.append("QT_SMTP_SERVER must be a host name or an address")
    if settings[_SENDER] and not _MAILBOX.fullmatch(settings[_SENDER]):
        found.append(f"{_SENDER} must be a plain mail address such as audit@example.com")
    if mail_server.password and mail_server.password_file:
        found.append("QT_SMTP_PASSWORD is given beside QT_SMTP_PASSWORD_FILE; keep one of the two")
    elif bool(mail_server.user) != bool(mail_server.password or mail_server.password_file):
        found.append("QT_SMTP_USER needs QT_SMTP_PASSWORD or QT_SMTP_PASSWORD_FILE, and they need it")
    elif mail_server.user and mail_server.security == NONE and not is_this_machine(mail_server.host):
        found.append(
            "QT_SMTP_SECURITY must be starttls or tls: else the password crosses the network in clear"
        )
    if mail_server.password_file and not mail_server.password:
        try:
            read_password(mail_server.password_file)
        except PasswordError as error:
            found.append(str(error))
    return found


def _default_sender() -> str:
    """The user that runs this, at this machine, so that a bounce reaches a mailbox."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = "quantum-trader"
    sender = mail_text.default_sender(user)
    return sender if _MAILBOX.fullmatch(sender) else "quantum-trader@localhost"


_STEPS: dict[type[smtplib.SMTPResponseException], str] = {
    smtplib.SMTPConnectError: "does not greet",
    smtplib.SMTPHeloError: "does not take our name",
    smtplib.SMTPDataError: "does not take the message",
}


class _ReplyTooLongError(Exception):
    """Not one of smtplib's, which are OSErrors: smtplib would take it for a lost connection."""


class _Replies:
    """What a server says, line by line, up to what any server may need. Raises _ReplyTooLongError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes = 0
        self._lines = 0

    def begin_reply(self) -> None:
        self._lines = 0

    def readline(self, _size: int) -> bytes:
        line = self._file.readline(_LONGEST_LINE + 1)
        self._bytes += len(line)
        self._lines += 1
        if len(line) > _LONGEST_LINE or self._lines > _MOST_LINES or self._bytes > _MOST_BYTES:
            raise _ReplyTooLongError
        return line

    def close(self) -> None:
        self._file.close()


class _Smtp(smtplib.SMTP):
    """smtplib's client over a connection with one deadline for the conversation, and with bounded replies."""

    def __init__(self, server: Server, name: str, deadline: float) -> None:
        self._server = server
        self._deadline = deadline
        super().__init__(server.host, server.port, local_hostname=name)

    def _get_socket(self, host: str, port: int, timeout: object) -> socket.socket:
        """smtplib calls this to open its connection."""
        plain = connection.connect(host, port, self._deadline)
        if self._server.security != TLS:
            return plain
        return connection.secured(plain, host, self._deadline)

    def getreply(self) -> tuple[int, bytes]:
        """smtplib's own would keep a reply of any number of lines."""
        if self.file is None:  # smtplib drops it when TLS begins
            assert self.sock is not None
            self.file = _Replies(self.sock.makefile("rb"))
        self.file.begin_reply()
        try:
            return super().getreply()
        except _ReplyTooLongError:
            self.close()
            raise smtplib.SMTPResponseException(500, "Reply too long.") from None

    def start_tls(self) -> None:
        """Switch to TLS. Raises _RefusedError if the server does not offer it."""
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise _RefusedError(
                "the mail server offers no STARTTLS; set QT_SMTP_SECURITY to tls, or to none if that is meant"
            )
        plain = self.sock
        assert plain is not None
        plain.settimeout(connection.remaining(self._deadline))
        self.starttls(context=connection.context())
        connection.limit(self.sock, self._deadline)


def _secure_and_log_in(smtp: _Smtp, server: Server) -> None:
    """Start TLS and log in, as the settings require. Raises _RefusedError, PasswordError or SMTPException."""
    if server.security == STARTTLS:
        smtp.start_tls()
    if not server.user:
        return
    smtp.ehlo_or_helo_if_needed()
    if not smtp.has_extn("auth"):
        raise _RefusedError("the mail server takes no password here; unset QT_SMTP_USER, or change the port")
    try:
        smtp.login(server.user, server.secret())
    except smtplib.SMTPAuthenticationError:
        raise
    except (smtplib.SMTPNotSupportedError, UnicodeError):
        raise _RefusedError("the mail server knows no way to log in that we know") from None
    except smtplib.SMTPException as error:
        if type(error) is smtplib.SMTPException:
            raise _RefusedError("the mail server knows no way to log in that we know") from None
        raise


def _result(code: int, reply: bytes | str, what: str) -> SendResult:
    """The result of an SMTP error: 5xx is permanent, anything else transient."""
    words = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = f"the mail server {what}: {code}" if code > 0 else f"the mail server {what}"
    if words.strip():
        text += f" {texts.one_line(words, 160)}"
    return SendResult(PERMANENT if 500 <= code <= 599 else TRANSIENT, text, code if code > 0 else None)
