"""Send one POST over verified TLS within a deadline, and interpret the reply. No text contains an address."""

from __future__ import annotations

import http.client
import json
import math
import os
import re
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, SendResult
from qt_audit.delivery.transport import connection

MAX_BODY_BYTES = 64 * 1024
"""Bytes of a reply's body that are read."""
MAX_RETRY_AFTER_S = 86_400.0
"""Longest pause, in seconds, that a receiver may ask for."""
_MAX_REDIRECTS = 3
_SAME_METHOD_REDIRECTS = (307, 308)
"""Redirects that keep the POST; any other would turn it into a GET."""
_MOVED = (301, 308)
_SHORT_WORDS = re.compile(r"(?=.{1,100}\Z)[A-Za-z0-9.,'()-]{1,15}(?: [A-Za-z0-9.,'()-]{1,15})*")
"""Short words only: no token is so short."""
_AGENT = "quantum-trader-audit/1.0"

# Meaning of statuses other than 2xx and 3xx. Any other 4xx is permanent, any 5xx transient.
TRANSIENT_4XX = {408: "the receiver waited too long", 425: "too early", 429: "too many requests"}
_PERMANENT_4XX = {
    400: "the receiver does not understand the message",
    401: "the receiver wants other credentials: set a new address",
    403: "the receiver forbids it: set a new address",
    404: "the receiver does not know this address: set a new one",
    405: "the receiver takes no messages at this address: set another one",
    407: "the proxy wants credentials",
    410: "the receiver has closed this address: set a new one",
    413: "the message is too large for the receiver",
    422: "the receiver does not understand the message",
}


class NoReplyError(Exception):
    """No reply came. The text says why, without an address."""


@dataclass(frozen=True)
class Reply:
    """An HTTP reply. It prints no headers and no body, because some receivers repeat the address there."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names are in lower case."""
    body: bytes = field(repr=False)
    """The first MAX_BODY_BYTES bytes."""


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Reply:
    """Send a POST and return the reply, within `timeout` seconds in all. Raises NoReplyError.

    The status decides; a body that breaks off or never ends is cut. A redirect is followed only on the same
    host, and only if the POST stays a POST.
    """
    deadline = time.monotonic() + timeout
    try:
        for _ in range(_MAX_REDIRECTS):
            parts = urlsplit(url)
            reply = _request(parts, body, headers, deadline)
            target = urljoin(url, reply.headers.get("location", ""))
            if (
                reply.status not in _SAME_METHOD_REDIRECTS
                or target == url
                or not _same_host(parts, urlsplit(target))
            ):
                return reply
            url = target
    except http.client.RemoteDisconnected:
        raise NoReplyError("the connection was closed without an answer") from None
    except http.client.HTTPException as error:
        raise NoReplyError(f"what came back is not HTTP ({type(error).__name__})") from None
    except OSError as error:
        raise NoReplyError(connection.why(error, timeout)) from None
    except ValueError:  # a Location, or a proxy's address, that is malformed
        raise NoReplyError("an address on the way cannot be used") from None
    raise NoReplyError("the receiver redirects in circles")


def deliver(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout: float,
    detail: Callable[[Reply], str] = lambda _reply: "",
) -> SendResult:
    """Send a POST and return its result. `detail` returns the receiver's own words, without any secret."""
    try:
        reply = post(url, body, headers, timeout)
    except NoReplyError as error:
        return SendResult(TRANSIENT, str(error))
    result = result_of(reply)
    more = "" if result.state == SENT else detail(reply)
    return replace(result, says=f"{result.says} ({more})") if more else result


def result_of(reply: Reply) -> SendResult:
    """The result that a reply means; all HTTP channels use it. Reads the clock for a date in Retry-After."""
    status, wait = reply.status, retry_after(reply.headers)
    if 200 <= status <= 299:
        return SendResult(SENT, f"taken with {status}", status)
    if 300 <= status <= 399:
        state = PERMANENT if status in _MOVED else TRANSIENT
        return SendResult(state, f"answered {status}: points elsewhere, which is not followed", status, wait)
    if status >= 500:
        return SendResult(TRANSIENT, f"answered {status}: the receiver has trouble", status, wait)
    if status in TRANSIENT_4XX:
        return SendResult(TRANSIENT, f"answered {status}: {TRANSIENT_4XX[status]}", status, wait)
    return SendResult(
        PERMANENT, f"answered {status}: {_PERMANENT_4XX.get(status, 'the receiver refuses it')}", status
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that Retry-After asks for, as a number or a date; None without a usable value."""
    text = headers.get("retry-after", "").strip()
    if seconds_of(text) is not None or not text:
        return seconds_of(text)
    from email.utils import parsedate_to_datetime

    try:
        return seconds_of(max(0.0, parsedate_to_datetime(text).timestamp() - time.time()))
    except (ValueError, OverflowError):
        return None


def seconds_of(value: object) -> float | None:
    """A number of seconds from a header or from JSON, at most MAX_RETRY_AFTER_S; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return min(seconds, MAX_RETRY_AFTER_S) if seconds >= 0 and math.isfinite(seconds) else None


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; an empty one if it is not an object."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def without_secrets(text: str) -> str:
    """A receiver's own short sentence; empty if it might repeat a part of the address."""
    return text if _SHORT_WORDS.fullmatch(text) else ""


def _same_host(here: SplitResult, there: SplitResult) -> bool:
    """Whether two addresses share scheme, host and port. Raises ValueError for a malformed port."""
    return (here.scheme, here.hostname, _port(here)) == (there.scheme, there.hostname, _port(there))


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _request(parts: SplitResult, body: bytes, headers: Mapping[str, str], deadline: float) -> Reply:
    """Send one request on a new connection. Raises OSError, HTTPException or ValueError."""
    host = parts.hostname or ""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    client = kind(host, _port(parts))
    client.sock = _open_socket(parts, host, deadline)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # A receiver may refuse a long body before it has all of it; its reply can be read all the same.
        with suppress(BrokenPipeError):
            client.request("POST", target, body, {"User-Agent": _AGENT, "Connection": "close", **headers})
        response = client.getresponse()
        lower_case = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, lower_case, _body(response))
    finally:
        client.close()


def _body(response: http.client.HTTPResponse) -> bytes:
    """The part of the body that arrives in time, at most MAX_BODY_BYTES."""
    body = b""
    with suppress(OSError, http.client.HTTPException, ValueError):
        while len(body) < MAX_BODY_BYTES and (block := response.read1(MAX_BODY_BYTES - len(body))):
            body += block
    return body


def _open_socket(parts: SplitResult, host: str, deadline: float) -> socket.socket:
    """A connected socket, through the proxy if there is one. Raises OSError or HTTPException."""
    if parts.scheme != "https":  # http is allowed to this machine only, so without a proxy
        return connection.connect(host, _port(parts), deadline)
    proxy = _proxy(host)
    if proxy is None:
        return connection.secured(connection.connect(host, _port(parts), deadline), host, deadline)
    plain = connection.connect(proxy.hostname or "", proxy.port or 3128, deadline)
    try:
        _tunnel(plain, proxy, f"[{host}]" if ":" in host else host, _port(parts))
    except BaseException:
        plain.close()
        raise
    return connection.secured(plain, host, deadline)


def _proxy(host: str) -> SplitResult | None:
    """The proxy for HTTPS that the environment names (https_proxy, no_proxy); None if there is none."""
    named = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    if not named:
        return None
    from urllib.request import proxy_bypass

    if proxy_bypass(host):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def _tunnel(plain: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Ask the proxy to connect to the receiver. TLS then ends at the receiver, not at the proxy.

    Raises OSError, HTTPException or NoReplyError.
    """
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.username is not None:
        account = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {b64encode(account.encode()).decode()}")
    plain.sendall("\r\n".join([*lines, "", ""]).encode())
    response = http.client.HTTPResponse(plain, method="CONNECT")
    try:
        response.begin()
        if response.status != 200:
            raise NoReplyError(f"the proxy answered {response.status}")
    finally:
        response.close()
