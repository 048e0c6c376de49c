"""The heartbeat: pings to a service outside that alerts when they stop (QT_HEARTBEAT_URL).

It speaks the protocol of Healthchecks.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from qt_audit.delivery.message import PERMANENT, TRANSIENT, SendResult
from qt_audit.delivery.transport import http

START, SUCCESS, FAIL = "start", "success", "fail"
MAX_BODY_BYTES = 100_000
"""Longest body in bytes. The hosted service stores no more."""

_IGNORED = {
    b"OK (not found)": SendResult(PERMANENT, "the receiver does not know this check: set a new address", 200),
    b"OK (rate limited)": SendResult(TRANSIENT, "too many pings: this one was ignored", 200),
}
"""Bodies that mean a failure although Healthchecks sends them with status 200."""


def ping(url: str, event: str, text: str = "", timeout: float = 10.0) -> SendResult:
    """Send a ping: a run has started, succeeded or failed (`event`: start, success, fail).

    It is tried once, within `timeout` seconds. Never raises; the result says what went wrong.
    """
    body = text.encode("utf-8", "replace")[:MAX_BODY_BYTES].decode("utf-8", "ignore").encode()
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        reply = http.post(address(url, event), body, headers, timeout)
    except http.NoReplyError as error:
        return SendResult(TRANSIENT, str(error))
    except ValueError:
        return SendResult(PERMANENT, "QT_HEARTBEAT_URL is not a usable address")
    return _IGNORED.get(reply.body.strip()) or http.result_of(reply)


def address(url: str, event: str) -> str:
    """The address for an event: the check's address for success, else with `/start` or `/fail` at its end."""
    if event == SUCCESS:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{event}"))
