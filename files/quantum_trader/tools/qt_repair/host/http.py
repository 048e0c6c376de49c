"""Check an HTTP address: its status and, if asked for, keys of its JSON answer.

The time limit is for the whole request, not for each read. Only the named host is contacted, without a proxy.
Reports contain no more of an address than scheme, host, port and path.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from qt_repair.finding import Finding

_LARGEST = 1 << 20
"""The most bytes of an answer that are read."""
_REDIRECTS = 3
_SAFE = "!#$%&'()*+,/:;=?@[]~"
"""Characters of an address that are not percent-encoded, besides letters, digits and `_.-`."""
_SHOWN = 80
"""The most characters of a wrong value that are shown."""


class _BadAnswerError(Exception):
    """It does not answer as it should; the text says in which way, without the address."""


@dataclass
class _Request:
    """A request under way: its finding once there is one, and its open socket, by which it can be aborted."""

    finding: Finding | None = None
    open: list[socket.socket] = field(default_factory=list)


def url_problem(url: str) -> str | None:
    """What is wrong with an address, without quoting it; None if nothing is."""
    if any(character <= " " or character == "\x7f" for character in url):
        return "must be an address without spaces and control characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "must be an address such as http://127.0.0.1:3000/api/health"
    if parts.scheme not in ("http", "https"):
        return "must begin with http:// or https://"
    if "@" in parts.netloc:
        return "must hold no user name or password: this file is no place for secrets"
    if not parts.hostname or port == 0:
        return "must name a host, such as http://127.0.0.1:3000/api/health"
    return None


def display_url(url: str) -> str:
    """The address for people, without user, password and query."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "the address"
    return f"{parts.scheme}://{host}{parts.path}"


def check_url(url: str, timeout: float, expect: Mapping[str, Any] | None = None) -> Finding:
    """Request it once, within `timeout` seconds in all. Every error is a finding.

    Healthy means a status of 200 to 299 and, if `expect` is given, a JSON object with these keys and values;
    `a.b` is the key `b` of the object `a`. A redirect is followed on the same scheme, host and port only.
    """
    problem = url_problem(url)
    if problem is not None:
        return Finding(False, f"the address {problem}")
    name, begin, request = display_url(url), time.monotonic(), _Request()

    def fetch() -> None:
        try:
            request.finding = _follow(url, begin + timeout, expect or {}, request)
        except (_BadAnswerError, OSError, http.client.HTTPException, ValueError) as error:
            request.finding = Finding(False, f"{name} {_why(error, timeout)}", {"url": name})

    # A thread, because a name look-up, or a server that sends a byte now and then, has no deadline.
    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    thread.join(timeout)
    found = request.finding
    if found is None:
        for connection in list(request.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return Finding(False, f"{name} did not answer within {timeout:g} s", {"url": name})
    return Finding(
        found.healthy, found.summary, {**found.details, "duration_s": round(time.monotonic() - begin, 3)}
    )


def _why(error: Exception, timeout: float) -> str:
    """The error in words that quote nothing of the address."""
    if isinstance(error, _BadAnswerError):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"did not answer within {timeout:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "does not speak TLS as it should"
    if isinstance(error, socket.gaierror):
        return "has a host name that is not known"
    if isinstance(error, http.client.RemoteDisconnected):
        return "closes the connection without an answer"
    if isinstance(error, OSError) and error.strerror:
        return f"does not answer: {error.strerror.lower()}"
    return f"does not speak HTTP as it should ({type(error).__name__})"


def _follow(url: str, deadline: float, expect: Mapping[str, Any], request: _Request) -> Finding:
    name, origin = display_url(url), _origin(url)
    for _ in range(_REDIRECTS + 1):
        status, location, body = _get(urlsplit(url), deadline, request)
        if status not in (301, 302, 303, 307, 308) or not location:
            return _finding_of(name, status, body, expect)
        url = urljoin(url, location)
        if url_problem(url) is not None or _origin(url) != origin:
            raise _BadAnswerError(f"redirects elsewhere ({display_url(url)})")
    raise _BadAnswerError(f"redirects more than {_REDIRECTS} times")


def _origin(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port of an address: another service answers elsewhere, however well."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443}.get(parts.scheme, 80)


def _get(parts: SplitResult, deadline: float, request: _Request) -> tuple[int, str, bytes]:
    """Send one request: status, Location and the beginning of the body."""
    assert parts.hostname is not None
    left = max(0.01, deadline - time.monotonic())
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=left, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=left)
    target = quote(parts.path or "/", _SAFE) + (f"?{quote(parts.query, _SAFE)}" if parts.query else "")
    try:
        connection.connect()
        request.open.append(connection.sock)
        if time.monotonic() >= deadline:  # the caller has given up
            raise TimeoutError
        headers = {"Accept": "application/json, */*", "User-Agent": "quantum-trader", "Connection": "close"}
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", ""), answer.read(_LARGEST + 1)
    finally:
        request.open.clear()
        connection.close()


def _finding_of(name: str, status: int, body: bytes, expect: Mapping[str, Any]) -> Finding:
    """The finding about an answer. Pure."""
    details = {"url": name, "status": status}
    if not 200 <= status <= 299:
        return Finding(False, f"{name} answers {status}", details)
    wrong = _unexpected(body, expect) if expect else None
    if wrong is not None:
        return Finding(False, f"{name} answers {status}, but {wrong}", details)
    return Finding(True, f"{name} answers {status}", details)


def _unexpected(body: bytes, expect: Mapping[str, Any]) -> str | None:
    if len(body) > _LARGEST:
        return f"with more than {_LARGEST >> 20} MB, too much to look through"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "not with JSON"
    if not isinstance(value, dict):
        return "not with a JSON object"
    for key, wanted in expect.items():
        there, found = _value_at(value, key)
        if not there:
            return f"{key} is missing"
        if isinstance(found, bool) != isinstance(wanted, bool) or found != wanted:  # 1 == True in Python
            return f"{key} is {_short(found)}, not {_short(wanted)}"
    return None


def _value_at(value: Mapping[str, Any], key: str) -> tuple[bool, Any]:
    """Whether a key is there, and its value. A key with dots may be a path of keys."""
    if key in value:
        return True, value[key]
    first, dot, rest = key.partition(".")
    inner = value.get(first)
    return _value_at(inner, rest) if dot and isinstance(inner, dict) else (False, None)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
