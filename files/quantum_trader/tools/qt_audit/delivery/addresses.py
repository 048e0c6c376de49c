"""The channels that the settings name, and what is wrong with those that they name badly.

An address is a secret: a problem says which of several it is, and never what it says.
"""

from __future__ import annotations

import hashlib
import importlib.util
import ipaddress
import os
import pwd
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from qt_audit.delivery.channels import apprise, mail
from qt_audit.delivery.channels.apprise import Apprise
from qt_audit.delivery.channels.discord import Discord
from qt_audit.delivery.channels.json_webhook import JsonWebhook
from qt_audit.delivery.channels.mail import NONE, STARTTLS, TLS, Mail
from qt_audit.delivery.channels.slack import Slack
from qt_audit.delivery.message import Channel
from qt_audit.delivery.transport.mail_text import default_sender
from qt_audit.delivery.transport.password_file import PasswordError, read_password

WEBHOOK, EMAIL, SENDER, NOTIFY = "QT_ALERT_WEBHOOK", "QT_AUDIT_EMAIL", "QT_MAIL_FROM", "QT_NOTIFY_URLS"
HEARTBEAT, SECRET = "QT_HEARTBEAT_URL", "QT_WEBHOOK_SECRET"
KINDS = ("discord", "slack", "json")
_DISCORD_HOSTS = ("discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com")
_DISCORD_PATH = re.compile(r"/api/(?:v\d{1,2}/)?webhooks/\d{5,30}/[\w-]{20,}/?")
_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_MAIL = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|[0-9a-fA-F:.]{2,45}")
_SHORTEST_SECRET = 16
_TLS_PORT = 465


class Values(Protocol):
    """Settings by name, as qt_audit.settings.loading reads them."""

    def __getitem__(self, name: str, /) -> Any: ...


class _BadError(ValueError):
    """What an address must be, in words that go on from `address 2 `."""


def channels(settings: Values) -> list[Channel]:
    """The channels of all usable addresses, in the settings' order; one for an address given twice."""
    found: dict[str, Channel] = {}
    for _number, made in (*_webhooks(settings), *_mails(settings), *_notify(settings)):
        if not isinstance(made, str):
            found.setdefault(made.name, made)
    return list(found.values())


def problems(settings: Values) -> list[str]:
    """What is wrong with the addresses and what belongs to them: one line each, the setting's name first."""
    found: list[str] = []
    for name, made in (
        (WEBHOOK, _webhooks(settings)),
        (EMAIL, _mails(settings)),
        (NOTIFY, _notify(settings)),
    ):
        seen: dict[str, int] = {}
        for number, channel in made:
            if isinstance(channel, str):
                found.append(f"{name} address {number} {channel}")
            elif seen.setdefault(channel.name, number) != number:
                found.append(f"{name} address {number} is address {seen[channel.name]} again; remove one")
    if settings[HEARTBEAT]:
        try:
            _checked(settings[HEARTBEAT])
        except _BadError as error:
            found.append(f"{HEARTBEAT} {error}")
    if settings[NOTIFY] and importlib.util.find_spec("apprise") is None:
        found.append(apprise.MISSING)
    found += [f"{SECRET} {error}" for error in _secret_problems(settings[SECRET])]
    return [*found, *_mail_problems(settings)]


def heartbeat(settings: Values) -> str:
    """The heartbeat's address; empty where there is none that can be used."""
    try:
        return _checked(settings[HEARTBEAT]).geturl() if settings[HEARTBEAT] else ""
    except _BadError:
        return ""


def _webhooks(settings: Values) -> Iterator[tuple[int, Channel | str]]:
    """Each address by its number: its channel, or what is wrong with it."""
    secret = "" if _secret_problems(settings[SECRET]) else settings[SECRET]
    for number, word in enumerate(settings[WEBHOOK].split(), 1):
        try:
            yield number, _webhook(word, secret)
        except _BadError as error:
            yield number, str(error)


def _webhook(word: str, secret: str) -> Channel:
    prefix, plus, url = word.partition("+http")
    kind = prefix.lower() if plus else ""
    url = f"http{url}" if plus else word
    if kind and kind not in KINDS:
        raise _BadError("has an unknown kind before its +; write discord+, slack+ or json+")
    parts = _checked(url)
    kind = kind or _recognised(parts)
    name = f"{kind}-{_mark(url)}"
    if kind == "discord":
        return Discord(name, url)
    return Slack(name, url) if kind == "slack" else JsonWebhook(name, url, secret)


def _recognised(parts: SplitResult) -> str:
    """The kind of an address without one. Raises _BadError where it cannot be told."""
    host = parts.hostname or ""
    if host in _SLACK_HOSTS:
        return "slack"
    if host in _DISCORD_HOSTS and parts.path.rstrip("/").endswith("/slack"):
        return "slack"
    if host in _DISCORD_HOSTS:
        if not _DISCORD_PATH.fullmatch(parts.path):
            raise _BadError("is not a whole webhook address of Discord; copy it again")
        return "discord"
    raise _BadError("is of no kind that its host tells; write discord+, slack+ or json+ before it")


def _checked(url: str) -> SplitResult:
    """The address in parts, fit to be asked. Raises _BadError."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise _BadError("must be one address in plain ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _BadError("is not an address such as https://chat.example.com/hooks/…") from None
    if parts.scheme not in ("http", "https") or (parts.scheme == "http" and not _is_here(parts.hostname)):
        raise _BadError("must begin with https://")
    if not parts.hostname or port == 0 or not _HOST.fullmatch(parts.hostname):
        raise _BadError("must name a host after https://")
    if "@" in parts.netloc:
        raise _BadError("must hold no user name or password before its host")
    if parts.fragment or url.endswith((",", ";")):
        raise _BadError("must end without # , or ; (several addresses are separated by blanks)")
    return parts


def _is_here(host: str | None) -> bool:
    """Whether a host is this machine: what is sent there crosses no network."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _secret_problems(secret: str) -> list[str]:
    if secret and len(secret) < _SHORTEST_SECRET:
        return [f"must have at least {_SHORTEST_SECRET} characters"]
    if secret.startswith("whsec_"):
        try:
            b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            return ["must be base64 after whsec_"]
    return []


def _notify(settings: Values) -> Iterator[tuple[int, Channel | str]]:
    for number, url in enumerate(settings[NOTIFY].split(), 1):
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", url):
            yield number, "must be an address as Apprise takes it, such as ntfys://host/topic"
        elif re.search(r"[?&]verify=(?:no|n|0|f|false|off|-|disable)", url, re.IGNORECASE):
            yield number, "must not switch the verification of certificates off"
        else:
            yield number, Apprise(f"apprise-{_mark(url)}", url)


def _mails(settings: Values) -> Iterator[tuple[int, Channel | str]]:
    """Each recipient by number. None has a channel while the server's settings cannot be used."""
    usable = not _mail_problems(settings)
    for number, recipient in enumerate(re.split(r"[,\s]+", settings[EMAIL].strip(", ")), 1):
        if not recipient:
            continue
        if not _MAIL.fullmatch(recipient):
            yield number, "must be a plain mail address such as ops@example.com"
        elif usable:
            name = f"mail-{_mark(recipient.lower())}"
            yield number, Mail(name, recipient, settings[SENDER] or _sender(), server(settings))


def server(settings: Values) -> mail.Server:
    """The mail server; unless told otherwise: TLS on port 465, none on this machine, else STARTTLS."""
    host, port = settings["QT_SMTP_SERVER"], settings["QT_SMTP_PORT"]
    security = settings["QT_SMTP_SECURITY"]
    if not security:
        security = TLS if port == _TLS_PORT else NONE if _is_here(host) else STARTTLS
    return mail.Server(
        host,
        port,
        security,
        settings["QT_SMTP_USER"],
        settings["QT_SMTP_PASSWORD"],
        settings["QT_SMTP_PASSWORD_FILE"],
    )


def _mail_problems(settings: Values) -> list[str]:
    """What is wrong with the mail server's settings; nothing is asked of the server."""
    found, made = [], server(settings)
    if not _HOST.fullmatch(made.host):
        found.append("QT_SMTP_SERVER must be a host name or an address")
    if settings[SENDER] and not _MAIL.fullmatch(settings[SENDER]):
        found.append(f"{SENDER} must be a plain mail address such as audit@example.com")
    if made.password and made.password_file:
        found.append("QT_SMTP_PASSWORD is given beside QT_SMTP_PASSWORD_FILE; keep one of the two")
    elif bool(made.user) != bool(made.password or made.password_file):
        found.append("QT_SMTP_USER needs QT_SMTP_PASSWORD or QT_SMTP_PASSWORD_FILE, and they need it")
    elif made.user and made.security == NONE and not _is_here(made.host):
        found.append(
            "QT_SMTP_SECURITY must be starttls or tls: else the password crosses the network in clear"
        )
    if made.password_file and not made.password:
        try:
            read_password(made.password_file)
        except PasswordError as error:
            found.append(str(error))
    return found


def _sender() -> str:
    """Who runs this, at this machine: so a bounce comes to somebody's mailbox."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = "quantum-trader"
    sender = default_sender(user)
    return sender if _MAIL.fullmatch(sender) else "quantum-trader@localhost"


def _mark(address: str) -> str:
    """What tells addresses apart and gives none away."""
    return hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:6]
