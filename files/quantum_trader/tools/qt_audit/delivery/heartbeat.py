"""A ping to somebody outside who notices when it stays away: Healthchecks' protocol (QT_HEARTBEAT_URL)."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from qt_audit.delivery.message import PERMANENT, TRANSIENT, Answer
from qt_audit.delivery.transport import http

START, SUCCESS, FAIL = "start", "success", "fail"
LARGEST = 100_000
"""Bytes of a body that are sent: what the hosted service keeps of one."""

_IGNORED = {
    b"OK (not found)": Answer(PERMANENT, "the receiver does not know this check: set a new address", 200),
    b"OK (rate limited)": Answer(TRANSIENT, "too many pings: this one was ignored", 200),
}
"""What Healthchecks answers with a 200 all the same."""


def ping(url: str, event: str, text: str = "", timeout: float = 10.0) -> Answer:
    """Tell that a run has started, succeeded or failed; best effort, never raises.

    `event`: start, success or fail. What went wrong is in the answer: whoever waits for
    the ping notices that it stays away.
    """
    body = text.encode("utf-8", "replace")[:LARGEST].decode("utf-8", "ignore").encode()
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        reply = http.post(address(url, event), body, headers, timeout)
    except http.NoReplyError as error:
        return Answer(TRANSIENT, str(error))
    except ValueError:
        return Answer(PERMANENT, "QT_HEARTBEAT_URL is not a usable address")
    return _IGNORED.get(reply.body.strip()) or http.judged(reply)


def address(url: str, event: str) -> str:
    """The address of an event: the check's own for success, else with the event at its path's end."""
    if event == SUCCESS:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{event}"))
