"""One POST over verified TLS within one deadline, and what its answer means; no text names an address."""

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

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, Answer
from qt_audit.delivery.transport import connection

LARGEST = 64 * 1024
"""Bytes of an answer that are read."""
LONGEST_WAIT = 86_400.0
"""Seconds; a receiver that asks for a longer pause gets this one."""
_REDIRECTS = 3
_REPEATED = (307, 308)
"""Redirects after which the same request is made again; any other would turn it into a GET."""
_MOVED = (301, 308)
_HARMLESS = re.compile(r"(?=.{1,100}\Z)[A-Za-z0-9.,'()-]{1,15}(?: [A-Za-z0-9.,'()-]{1,15})*")
"""Short words alone: no token is so short."""
_AGENT = "quantum-trader-audit/1.0"

# What an answer means where it is not 2xx or 3xx: of the rest, 4xx is permanent and 5xx transient.
TRANSIENT_4XX = {408: "the receiver waited too long", 425: "too early", 429: "too many requests"}
_MEANS = {
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
    """No answer came; the text says why in words that name no address."""


@dataclass(frozen=True)
class Reply:
    """What came back; prints no body, for some receivers repeat the address in it."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name."""
    body: bytes = field(repr=False)
    """The beginning of it, at most LARGEST bytes."""


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Reply:
    """Post it within `timeout` seconds in all. Raises NoReplyError.

    Once the status has come the receiver has decided: a body that breaks off or never ends changes
    nothing. A redirect is followed on the same host only, and only where the POST stays a POST.
    """
    deadline = time.monotonic() + timeout
    try:
        for _ in range(_REDIRECTS):
            parts = urlsplit(url)
            reply = _ask(parts, body, headers, deadline)
            target = urljoin(url, reply.headers.get("location", ""))
            if reply.status not in _REPEATED or target == url or not _same_host(parts, urlsplit(target)):
                return reply
            url = target
    except http.client.RemoteDisconnected:
        raise NoReplyError("the connection was closed without an answer") from None
    except http.client.HTTPException as error:
        raise NoReplyError(f"what came back is not HTTP ({type(error).__name__})") from None
    except OSError as error:
        raise NoReplyError(connection.why(error, timeout)) from None
    except ValueError:  # a Location or a proxy's address that is none
        raise NoReplyError("an address on the way cannot be used") from None
    raise NoReplyError("the receiver redirects in circles")


def deliver(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout: float,
    detail: Callable[[Reply], str] = lambda _reply: "",
) -> Answer:
    """Post it, and what came of it. `detail` finds the receiver's own words, without any secret."""
    try:
        reply = post(url, body, headers, timeout)
    except NoReplyError as error:
        return Answer(TRANSIENT, str(error))
    answer = judged(reply)
    more = "" if answer.state == SENT else detail(reply)
    return replace(answer, says=f"{answer.says} ({more})") if more else answer


def judged(reply: Reply) -> Answer:
    """What a reply means: the one table of HTTP answers. Pure, but for Retry-After's date."""
    status, wait = reply.status, retry_after(reply.headers)
    if 200 <= status <= 299:
        return Answer(SENT, f"taken with {status}", status)
    if 300 <= status <= 399:
        state = PERMANENT if status in _MOVED else TRANSIENT
        return Answer(state, f"answered {status}: points elsewhere, which is not followed", status, wait)
    if status >= 500:
        return Answer(TRANSIENT, f"answered {status}: the receiver has trouble", status, wait)
    if status in TRANSIENT_4XX:
        return Answer(TRANSIENT, f"answered {status}: {TRANSIENT_4XX[status]}", status, wait)
    return Answer(PERMANENT, f"answered {status}: {_MEANS.get(status, 'the receiver refuses it')}", status)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks for, a fraction or a date included; None where it says nothing usable."""
    text = headers.get("retry-after", "").strip()
    if seconds_of(text) is not None or not text:
        return seconds_of(text)
    from email.utils import parsedate_to_datetime

    try:
        return seconds_of(max(0.0, parsedate_to_datetime(text).timestamp() - time.time()))
    except (ValueError, OverflowError):
        return None


def seconds_of(value: object) -> float | None:
    """A number of seconds from a header or from JSON, at most a day; None if it is no such number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return min(seconds, LONGEST_WAIT) if seconds >= 0 and math.isfinite(seconds) else None


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; empty if it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def harmless(text: str) -> str:
    """A receiver's own short sentence, or nothing where it may repeat a part of the address."""
    return text if _HARMLESS.fullmatch(text) else ""


def _same_host(here: SplitResult, there: SplitResult) -> bool:
    """Whether two addresses share scheme, host and port. Raises ValueError for a port that is none."""
    return (here.scheme, here.hostname, _port(here)) == (there.scheme, there.hostname, _port(there))


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _ask(parts: SplitResult, body: bytes, headers: Mapping[str, str], deadline: float) -> Reply:
    """One request on a connection of its own. Raises OSError, HTTPException or ValueError."""
    host = parts.hostname or ""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    talk = kind(host, _port(parts))
    talk.sock = _opened(parts, host, deadline)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # A receiver may refuse a long body before it has all of it: its answer is there to be read.
        with suppress(BrokenPipeError):
            talk.request("POST", target, body, {"User-Agent": _AGENT, "Connection": "close", **headers})
        answer = talk.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, _body(answer))
    finally:
        talk.close()


def _body(answer: http.client.HTTPResponse) -> bytes:
    """As much of the body as comes in time."""
    body = b""
    with suppress(OSError, http.client.HTTPException, ValueError):
        while len(body) < LARGEST and (block := answer.read1(LARGEST - len(body))):
            body += block
    return body


def _opened(parts: SplitResult, host: str, deadline: float) -> socket.socket:
    if parts.scheme != "https":  # this machine only, so never by a proxy
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
    """The proxy that the environment names for HTTPS, as any other program on this machine uses it."""
    named = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    if not named:
        return None
    from urllib.request import proxy_bypass

    if proxy_bypass(host):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def _tunnel(plain: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Have the proxy open the way; TLS then ends at the receiver. Raises OSError or HTTPException."""
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.username is not None:
        account = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {b64encode(account.encode()).decode()}")
    plain.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = http.client.HTTPResponse(plain, method="CONNECT")
    try:
        answer.begin()
        if answer.status != 200:
            raise NoReplyError(f"the proxy answered {answer.status}")
    finally:
        answer.close()
