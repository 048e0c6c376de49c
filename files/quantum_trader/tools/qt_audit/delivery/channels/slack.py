"""Slack's incoming webhooks, and receivers of their format: Mattermost, Rocket.Chat.

Slack shows the blocks as plain text, in which no markup and no mention works. The others show `text`, which
says the same. None of them drops a repeated message, so the last line shows the id to people.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult

from qt_audit.delivery.channels import discord
from qt_audit.delivery.message import Message, SendResult, Values, channel_name
from qt_audit.delivery.transport import http
from qt_audit.delivery.transport.parts import send_parts
from qt_audit.delivery.wording import texts

SETTING, KIND = "QT_ALERT_WEBHOOK", "slack"
SERVICES = "Slack, Mattermost, Rocket.Chat"
ADDRESS = "`QT_ALERT_WEBHOOK`: Slack's as it is, Discord's with `/slack` behind it; `slack+` before any other"
_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
# Slack's documented limits. Any receiver of the format accepts a text of 4,000 characters.
HEADER, SECTION, FIELDS, FIELD, TEXT = 150, 3000, 10, 2000, 4000
_FIELDS_ROOM = 600
"""UTF-16 units for all fields together. Fields that do not fit go into the text."""
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Mattermost and Rocket.Chat understand mentions without Slack's angle brackets, and Markdown's links.
_MENTIONS = re.compile(r"@(?=(?:all|channel|everyone|here)\b)|\](?=\()", re.IGNORECASE)
_CODES = {
    "action_prohibited": "a restriction of the workspace forbids it",
    "channel_is_archived": "the channel is archived",
    "channel_not_found": "the channel is gone",
    "invalid_blocks": "a block is not as Slack wants it",
    "invalid_payload": "the message is not as Slack wants it",
    "invalid_token": "the address is not valid any more",
    "no_service": "the webhook was removed or disabled",
    "no_team": "the workspace is gone",
    "no_text": "the message has no text",
    "posting_to_general_channel_denied": "the general channel takes no messages of webhooks",
    "rate_limited": "too many messages",
    "rollup_error": "something went wrong at Slack",
    "team_disabled": "the workspace is disabled",
    "user_not_found": "the user is gone",
}


@dataclass(frozen=True)
class Slack:
    """One incoming webhook in Slack's format."""

    name: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name} (Slack, or a receiver of its format)"

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> SendResult:
        """See Channel.send()."""
        bodies = [json.dumps(payload).encode() for payload in payloads(message, late_s)]
        headers = {"Content-Type": "application/json"}

        def send_one(part: int, left: float) -> SendResult:
            return http.deliver(self.url, bodies[part], headers, left, _error_text)

        return send_parts(len(bodies), done, timeout, send_one)


def recognises(parts: SplitResult) -> bool:
    """Whether an address is Slack's own, or Discord's address for Slack's format."""
    compatible = parts.hostname in discord.HOSTS and parts.path.rstrip("/").endswith("/slack")
    return parts.hostname in _HOSTS or compatible


def channel(address: str, settings: Values) -> Slack:
    return Slack(channel_name(KIND, address), address)


def problems(settings: Values) -> list[str]:
    """Empty: Slack's format needs no other setting."""
    return []


def escaped(text: str) -> str:
    """The text with `&`, `<` and `>` escaped, and mentions of everybody broken by a zero-width space."""
    return _MENTIONS.sub(lambda match: match[0] + "\u200b", text).translate(_ESCAPES)


def measure(text: str) -> int:
    """The length of the escaped text in UTF-16 units."""
    return texts.units(escaped(text))


def payloads(message: Message, late_s: float = 0.0) -> list[dict[str, Any]]:
    """The bodies of the requests that the message needs. A delay does not change how the text is split."""
    fields, rest = _fields(message.fields)
    text = texts.clean("\n".join(part for part in (message.text, *rest) if part.strip())).strip("\n")
    parts = texts.split(text, SECTION, measure)
    bodies = []
    for number, part in enumerate(parts, 1):
        of = f" ({number}/{len(parts)})" if len(parts) > 1 else ""
        line = texts.one_line(f"{texts.sign(message)} {message.title}", HEADER)
        title = escaped(texts.shortened(line, HEADER - len(of), measure)) + of
        shown = fields if number == 1 else []
        foot = escaped(texts.foot(message, late_s, number, len(parts)))
        blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(title)}]
        if shown:
            blocks.append({"type": "section", "fields": [_plain(pair) for pair in shown]})
        if part.strip():
            blocks.append({"type": "section", "text": _plain(escaped(part))})
        blocks.append({"type": "context", "elements": [_plain(foot)]})
        whole = "\n".join(piece for piece in (title, *shown, escaped(part), foot) if piece.strip())
        bodies.append({"text": whole, "mrkdwn": False, "blocks": blocks})
    return bodies


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _fields(pairs: tuple[tuple[str, str], ...]) -> tuple[list[str], list[str]]:
    """The first pairs, as far as they fit, as escaped fields; the others as lines of text."""
    fields: list[str] = []
    rest: list[str] = []
    room = _FIELDS_ROOM
    for name, value in pairs:
        line = f"{texts.one_line(name, 100)}: {texts.clean(value).strip() or '–'}"
        size = measure(line)
        if rest or len(fields) == FIELDS or size > room:
            rest.append(line)
        else:
            fields.append(escaped(line))
            room -= size
    return fields, rest


def _error_text(reply: http.Reply) -> str:
    """Slack's error code and its meaning. Nothing else of the body, which may repeat the address."""
    code = reply.body[:100].decode("latin-1").strip()
    return f"{code}: {_CODES[code]}" if code in _CODES else ""
