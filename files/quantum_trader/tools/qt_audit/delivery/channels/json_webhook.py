"""The operator's own receiver: each message is one JSON document, described by json_webhook.schema.json.

If QT_WEBHOOK_SECRET is set, it is signed according to Standard Webhooks 1.0, so that any library for that
standard verifies it: `webhook-signature: v1,BASE64(HMAC-SHA256(secret, "ID.TIME.BODY"))`, with ID and TIME
(Unix seconds) from `webhook-id` and `webhook-timestamp`. A receiver should drop a message that is some
minutes old, and one whose id it knows: a repeated message has the same id.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult

from qt_audit.delivery.message import Message, SendResult, Values, channel_name
from qt_audit.delivery.transport import http
from qt_audit.delivery.wording import texts

SETTING, KIND = "QT_ALERT_WEBHOOK", "json"
SERVICES = "Your own receiver"
ADDRESS = (
    "`QT_ALERT_WEBHOOK`: `json+https://…`; JSON, signed as "
    "[Standard Webhooks](https://www.standardwebhooks.com) where `QT_WEBHOOK_SECRET` is set"
)
_SIGNED_WITH = "QT_WEBHOOK_SECRET"
_SHORTEST_SECRET = 16
VERSION = 1
"""Version of the document. It changes when a key is removed or changes its meaning."""


@dataclass(frozen=True)
class JsonWebhook:
    """One address that receives the document."""

    name: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.name} (webhook, {'signed' if self.secret else 'not signed'})"

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> SendResult:
        """See Channel.send(); never in parts."""
        body = json.dumps(document(message, late_s), separators=(",", ":")).encode()
        headers = signed(message.id, int(time.time()), body, self.secret)
        result = http.deliver(self.url, body, headers, timeout)
        return replace(result, done=1 if result.state == "sent" else done)


def recognises(parts: SplitResult) -> bool:
    """Never: an address of one's own receiver looks like any other."""
    return False


def channel(address: str, settings: Values) -> JsonWebhook:
    """The channel. It does not sign if the secret cannot be used; problems() reports that."""
    return JsonWebhook(
        channel_name(KIND, address), address, "" if problems(settings) else settings[_SIGNED_WITH]
    )


def problems(settings: Values) -> list[str]:
    """One line if the secret cannot be used, without the secret itself."""
    secret = settings[_SIGNED_WITH]
    if secret and len(secret) < _SHORTEST_SECRET:
        return [f"{_SIGNED_WITH} must have at least {_SHORTEST_SECRET} characters"]
    if secret.startswith("whsec_"):
        try:
            b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            return [f"{_SIGNED_WITH} must be base64 after whsec_"]
    return []


def document(message: Message, late_s: float = 0.0) -> dict[str, Any]:
    """The document's version 1, as json_webhook.schema.json describes it."""
    head = message.head
    return {
        "version": VERSION,
        "id": message.id,
        "kind": message.kind,
        "severity": message.severity,
        "title": texts.clean(message.title),
        "text": texts.clean(message.text),
        "fields": [
            {"name": texts.clean(name), "value": texts.clean(value)} for name, value in message.fields
        ],
        "host": message.host,
        "created": message.created,
        "late_s": max(0, round(late_s)),
        "head": None if head is None else {"seq": head[0], "hash": head[1]},
    }


def signed(identity: str, now: int, body: bytes, secret: str) -> dict[str, str]:
    """The request's headers. There is a signature only if there is a secret."""
    safe = texts.header_word(identity)
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": safe,
        "webhook-id": safe,
        "webhook-timestamp": str(now),
    }
    if secret:
        code = hmac.new(_key(secret), f"{safe}.{now}.".encode() + body, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{b64encode(code).decode()}"
    return headers


def _key(secret: str) -> bytes:
    """The bytes of the key: base64 after `whsec_`, as in the standard; else the text itself."""
    prefix, marked, rest = secret.partition("whsec_")
    return b64decode(rest) if marked and not prefix else secret.encode()
