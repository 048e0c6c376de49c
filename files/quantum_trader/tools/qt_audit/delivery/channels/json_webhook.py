"""Any receiver of ours: one JSON document (json_webhook.schema.json), signed where QT_WEBHOOK_SECRET is set.

Signed as Standard Webhooks 1.0 says, so that a receiver verifies it with any library of that name:
`webhook-signature: v1,BASE64(HMAC-SHA256(secret, "ID.TIME.BODY"))` with ID and TIME (Unix seconds) as
in `webhook-id` and `webhook-timestamp`. A receiver drops what is older than some minutes, and an id that
it has seen: a repeat has the same one.
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

from qt_audit.delivery.message import Answer, Message, Values, channel_name
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
"""Of the document: a receiver may rely on its keys; a new number says that one changed its meaning."""


@dataclass(frozen=True)
class JsonWebhook:
    """One address that takes the document."""

    name: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.name} (webhook, {'signed' if self.secret else 'not signed'})"

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> Answer:
        """See Channel.send(); never in parts."""
        body = json.dumps(document(message, late_s), separators=(",", ":")).encode()
        headers = signed(message.id, int(time.time()), body, self.secret)
        answer = http.deliver(self.url, body, headers, timeout)
        return replace(answer, done=1 if answer.state == "sent" else done)


def recognises(parts: SplitResult) -> bool:
    """Never: the host of a receiver of your own tells nothing."""
    return False


def channel(address: str, settings: Values) -> JsonWebhook:
    """The channel; not signed where the secret cannot be used, which problems() says."""
    return JsonWebhook(
        channel_name(KIND, address), address, "" if problems(settings) else settings[_SIGNED_WITH]
    )


def problems(settings: Values) -> list[str]:
    """What is wrong with the secret; it is not repeated."""
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
    """The request's headers; without a secret, without a signature."""
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
    """The key's bytes: decoded after `whsec_`, as the standard writes one; else the text itself."""
    prefix, marked, rest = secret.partition("whsec_")
    return b64decode(rest) if marked and not prefix else secret.encode()
