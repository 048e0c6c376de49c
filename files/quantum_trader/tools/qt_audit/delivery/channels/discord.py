"""Discord: each message is an embed, coloured by its severity, within all of Discord's limits.

Discord has no key by which it could drop a repeated message, so the footer shows the id to people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from qt_audit.delivery.message import SENT, TRANSIENT, Message, SendResult, Values, channel_name
from qt_audit.delivery.transport import http
from qt_audit.delivery.transport.parts import send_parts
from qt_audit.delivery.transport.web_address import AddressError
from qt_audit.delivery.wording import texts

SETTING, KIND = "QT_ALERT_WEBHOOK", "discord"
SERVICES = "Discord"
ADDRESS = "`QT_ALERT_WEBHOOK`: the webhook's address as Discord shows it; `discord+` before one of your own"
HOSTS = ("discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com")
_PATH = re.compile(r"/api/(?:v\d{1,2}/)?webhooks/\d{5,30}/[\w-]{20,}/?")
# Discord's documented limits. It counts code points; we count UTF-16 units, which are never fewer.
TITLE, DESCRIPTION, FIELDS, FIELD_NAME, FIELD_VALUE, FOOTER, ALL = 256, 4096, 25, 256, 1024, 2048, 6000
_FIELDS_ROOM = 1500
"""UTF-16 units for all fields together. Fields that do not fit go into the text."""
_COLOURS = {"info": 0x3B82F6, "warning": 0xF59E0B, "critical": 0xDC2626}
_GREEN = 0x16A34A
_MARKUP = re.compile(r"[\\*~`|\[\]<>#]|(?<![^\W_])_|_(?![^\W_])")
"""An underscore within a word is not markup: `auto_repair_system` stays as it is."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


@dataclass(frozen=True)
class Discord:
    """One webhook of Discord."""

    name: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name} (Discord)"

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> SendResult:
        """See Channel.send()."""
        bodies = [json.dumps(payload).encode() for payload in payloads(message, late_s)]
        address = _with_wait(self.url)

        def send_one(part: int, left: float) -> SendResult:
            return _post(address, bodies[part], left)

        return send_parts(len(bodies), done, timeout, send_one)


def recognises(parts: SplitResult) -> bool:
    """Whether an address is Discord's own, for Discord's format. Raises AddressError if it is incomplete."""
    if parts.hostname not in HOSTS or parts.path.rstrip("/").endswith("/slack"):
        return False
    if not _PATH.fullmatch(parts.path):
        raise AddressError("is not a whole webhook address of Discord; copy it again")
    return True


def channel(address: str, settings: Values) -> Discord:
    return Discord(channel_name(KIND, address), address)


def problems(settings: Values) -> list[str]:
    """Empty: Discord needs no other setting."""
    return []


def escaped(text: str) -> str:
    """The text with a backslash before each character that Discord would take for markup."""
    return _MARKUP.sub(lambda match: "\\" + match[0], text)


def measure(text: str) -> int:
    """The length of the escaped text in UTF-16 units."""
    return texts.units(escaped(text))


def payloads(message: Message, late_s: float = 0.0) -> list[dict[str, Any]]:
    """The bodies of the requests that the message needs. A delay does not change how the text is split."""
    fields, rest = _fields(message.fields)
    text = texts.clean("\n".join(part for part in (message.text, *rest) if part.strip())).strip("\n")
    # 200 units are reserved for delay and part number, so that the parts are the same at each attempt.
    used = TITLE + 200 + texts.units(texts.foot(message, 0.0))
    used += sum(texts.units(item["name"]) + texts.units(item["value"]) for item in fields)
    parts = texts.split(text, min(DESCRIPTION, ALL - used), measure)
    bodies = []
    for number, part in enumerate(parts, 1):
        of = f" ({number}/{len(parts)})" if len(parts) > 1 else ""
        title = texts.one_line(f"{texts.sign(message)} {message.title}", TITLE)
        embed: dict[str, Any] = {
            "title": escaped(texts.shortened(title, TITLE - len(of), measure)) + of,
            "color": _GREEN if message.kind == "recovery" else _COLOURS.get(message.severity, 0x3B82F6),
            "footer": {"text": texts.foot(message, late_s, number, len(parts))[:FOOTER]},
        }
        if part.strip():
            embed["description"] = escaped(part)
        if _TIME.fullmatch(message.created):
            embed["timestamp"] = message.created
        if fields and number == 1:
            embed["fields"] = fields
        bodies.append({"embeds": [embed], "allowed_mentions": {"parse": []}})
    return bodies


def _fields(pairs: Sequence[tuple[str, str]]) -> tuple[list[dict[str, Any]], list[str]]:
    """The first pairs, as far as they fit, as fields; the others as lines of text."""
    fields: list[dict[str, Any]] = []
    rest: list[str] = []
    room = _FIELDS_ROOM
    for name, value in pairs:
        plain = texts.one_line(name, FIELD_NAME), texts.clean(value).strip() or "–"
        shown = {"name": escaped(plain[0]), "value": escaped(plain[1]), "inline": len(plain[1]) <= 30}
        size = texts.units(str(shown["name"])) + texts.units(str(shown["value"]))
        fits = (
            texts.units(str(shown["name"])) <= FIELD_NAME and texts.units(str(shown["value"])) <= FIELD_VALUE
        )
        if rest or not fits or len(fields) == FIELDS or size > room:
            rest.append(f"{plain[0]}: {plain[1]}")
        else:
            fields.append(shown)
            room -= size
    return fields, rest


def _with_wait(url: str) -> str:
    """The address with ?wait=true. Without it Discord reports no error if it does not save the message."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "wait"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("wait", "true")])))


def _post(url: str, body: bytes, timeout: float) -> SendResult:
    """Send one request. Returns its result, with Discord's own pause and error message."""
    try:
        reply = http.post(url, body, {"Content-Type": "application/json"}, timeout)
    except http.NoReplyError as error:
        return SendResult(TRANSIENT, str(error))
    result, error_body = http.result_of(reply), http.json_object(reply.body)
    if result.state == SENT:
        return replace(result, retry_after=_pause(reply))
    if reply.status == 429:
        pauses = [
            pause for pause in (result.retry_after, http.seconds_of(error_body.get("retry_after"))) if pause
        ]
        scope = " in all of Discord" if error_body.get("global") is True else ""
        return replace(result, says=result.says + scope, retry_after=max(pauses, default=None))
    words = [http.without_secrets(str(error_body[key])) for key in ("code", "message") if key in error_body]
    more = " ".join(word for word in words if word)
    return replace(result, says=f"{result.says} ({more})") if more else result


def _pause(reply: http.Reply) -> float | None:
    """Seconds until Discord accepts another message; None if it does so now."""
    if reply.headers.get("x-ratelimit-remaining") != "0":
        return None
    return http.seconds_of(reply.headers.get("x-ratelimit-reset-after"))
