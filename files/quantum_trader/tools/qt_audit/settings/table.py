"""The one table of settings: the name of each, its default, how it is read, and what it is for."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SHORTEST_WAIT = 0.01
"""Smallest QT_LOCK_TIMEOUT, in seconds: no writer waits shorter for another one."""


class Setting:
    """One setting: its name, its default, how to read it, and what it is for."""

    __slots__ = ("default", "help", "name", "read", "secret")

    def __init__(
        self, name: str, default: str, read: Callable[[str], Any], help: str, secret: bool = False
    ) -> None:
        self.name = name
        self.default = default
        self.read = read
        self.help = help
        self.secret = secret


def _seconds(text: str) -> float:
    value = float(text)
    if not SHORTEST_WAIT <= value <= 3600:
        raise ValueError(f"must be a number of seconds from {SHORTEST_WAIT} to 3600")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 65535:
        raise ValueError("must be a port from 1 to 65535")
    return value


def _months(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 1200:
        raise ValueError("must be a number of months from 0 to 1200")
    return value


def _time_limit(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 300:
        raise ValueError("must be a number of seconds from 1 to 300")
    return value


def _security(text: str) -> str:
    value = text.strip().lower()
    if value not in ("", "none", "starttls", "tls"):
        raise ValueError("must be none, starttls or tls")
    return value


def _switch(text: str) -> bool:
    value = text.strip().lower()
    if value in ("1", "yes", "true", "on"):
        return True
    if value in ("0", "no", "false", "off", ""):
        return False
    raise ValueError("must be 1 or 0")


def _patterns(text: str) -> tuple[re.Pattern[str], ...]:
    patterns = []
    for number, pattern in enumerate(text.split(), 1):
        try:
            patterns.append(re.compile(pattern))
        except (re.error, OverflowError, RecursionError):
            raise ValueError(f"pattern {number} is not a regular expression") from None
        if patterns[-1].fullmatch(""):
            raise ValueError(f"pattern {number} matches the empty text")
    return tuple(patterns)


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not hold control characters")
    return text


CHANNELS = ("QT_ALERT_WEBHOOK", "QT_AUDIT_EMAIL", "QT_NOTIFY_URLS")
"""The settings that hold addresses of channels: without one of them nobody is told anything."""

SETTINGS = (
    Setting("QT_ALERT_WEBHOOK", "", _text,
            "addresses for alerts and summaries, separated by blanks: Discord's or Slack's as they are, "
            "others with their kind before them, such as slack+https://… or json+https://…", secret=True),
    Setting("QT_AUDIT_EMAIL", "", _text,
            "mail addresses for alerts and summaries, separated by commas or blanks"),
    Setting("QT_SMTP_SERVER", "localhost", _text, "mail server"),
    Setting("QT_SMTP_PORT", "25", _port, "its port, 1 to 65535"),
    Setting("QT_SMTP_SECURITY", "", _security,
            "none, starttls or tls; not set: tls on port 465, none to this machine, starttls elsewhere"),
    Setting("QT_SMTP_USER", "", _text, "account at the mail server, where it wants one"),
    Setting("QT_SMTP_PASSWORD", "", _text, "its password", secret=True),
    Setting("QT_SMTP_PASSWORD_FILE", "", _text, "or a file of mode 0600 that holds the password"),
    Setting("QT_MAIL_FROM", "", _text, "sender of mails; not set: who runs this, at this machine"),
    Setting("QT_WEBHOOK_SECRET", "", _text,
            "signs what goes to json+ addresses, as Standard Webhooks says; 16 characters or more",
            secret=True),
    Setting("QT_NOTIFY_URLS", "", _text,
            "addresses of other services as Apprise takes them, separated by blanks; "
            "needs the package apprise", secret=True),
    Setting("QT_HEARTBEAT_URL", "", _text,
            "address to ping when a summary has run (Healthchecks' protocol)", secret=True),
    Setting("QT_NOTIFY_RULES", "", _text,
            "what is told at once, separated by semicolons, such as `now outcome=info source=trading_agent;"
            " later action=^Smoke`; the first that matches decides, before the built-in rules"),
    Setting("QT_QUIET_HOURS", "", _text,
            "when only critical messages are sent, such as `22:00-07:00 Europe/Berlin`; the others follow"
            " as one afterwards"),
    Setting("QT_DELIVERY_TIMEOUT", "10", _time_limit,
            "how long one message may take to be handed over, in seconds, 1 to 300"),
    Setting("QT_LOCK_TIMEOUT", "2", _seconds, "how long a writer waits for the record's lock, in seconds"),
    Setting("QT_AUDIT_REQUIRED", "0", _switch, "1: an action that cannot be recorded must not run"),
    Setting("QT_REDACT", "", _patterns,
            r"further secrets: regular expressions, separated by blanks (write \s for a blank)"),
    Setting("QT_ARCHIVE_AFTER_MONTHS", "1", _months,
            "`archive` compresses segments that ended so many months ago"),
    Setting("QT_ARCHIVE_KEEP_MONTHS", "0", _months,
            "`archive` removes segments older than so many months; 0 keeps all"),
)  # fmt: skip
