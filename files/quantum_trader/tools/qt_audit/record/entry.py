"""One audit entry: its fields, its limits, and its two written forms. `parsing` reads it back.

The record holds one JSON object a line (ASCII, keys in a fixed order, `prev` last);
the log that people read holds `[ts] action`. Everything here is pure.
"""

from __future__ import annotations

import hashlib
import json
import time
from json.encoder import encode_basestring_ascii as _quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

FIELDS = ("seq", "ts", "action", "source", "outcome", "host", "user", "pid", "run", "details", "prev")
OUTCOMES = ("info", "started", "succeeded", "failed")
ENDINGS = ("succeeded", "failed")
"""Outcomes that end an action."""
GENESIS = "0" * 64
"""`prev` of the very first line."""

MAX_LINE = 8000
"""Longest line of the record, in bytes, its newline included."""
MAX_SEQ_DIGITS = 20
_LINE_OVERHEAD = len('{"seq":,"ts":"2026-11-23T00:00:00.000000Z",,"prev":""}\n') + MAX_SEQ_DIGITS + 64
MAX_BODY = MAX_LINE - _LINE_OVERHEAD
"""Longest body, in bytes: what a line holds between `ts` and `prev`."""
MAX_FALLBACK_BODY = MAX_BODY - 700
"""Longest body in a fallback place: leaves room for `brought_home`, which is added when it moves home."""

PREV_SLICE = slice(-66, -2)
"""Where `prev` is in a line without its newline: the last key, of fixed width."""

_MAX_ACTION = 4000
MAX_UNCUT_ACTION = _MAX_ACTION // 12
"""An action of at most so many characters is never cut: a character takes at most twelve bytes of JSON."""
_EXCERPTS = ("action_excerpt", "details_excerpt")
_MAX_SMALL_VALUE = 200
_last_second: dict[int, str] = {}


def _encoder() -> Callable[[Any], str]:
    """JSONEncoder.encode. Where Python has the C encoder, it is made once and not for every text."""
    encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
    try:
        from _json import make_encoder

        chunks = make_encoder(None, encoder.default, _quoted, None, ":", ",", False, False, False)
    except (ImportError, TypeError):
        return encoder.encode
    return lambda value: "".join(chunks(value, 0))


_encode = _encoder()


def _canonical(details: Mapping[str, Any]) -> str:
    """The details as JSON that reads and writes again as the same bytes.

    Two lone surrogates in a row are read as the one character that they make, and two keys may then be one.
    """
    text = _encode(details)
    return _encode(json.loads(text)) if "\\ud" in text else text


class EntryError(ValueError):
    """A line of the record is not an entry."""


class Draft:
    """An entry before it gets its number and hash. Its texts are redacted already."""

    __slots__ = ("action", "details", "host", "outcome", "pid", "run", "source", "ts", "user")

    def __init__(
        self,
        action: str,
        source: str,
        outcome: str,
        host: str,
        user: str,
        pid: int,
        run: str | None,
        details: dict[str, Any],
        ts: str | None = None,
    ) -> None:
        self.action = action
        self.source = source
        self.outcome = outcome
        self.host = host
        self.user = user
        self.pid = pid
        self.run = run
        self.details = details
        self.ts = ts
        """When it was first written, if that was in a fallback place or an older log; None means: now."""

    def body(self, extra_details: Mapping[str, Any] | None = None, max_bytes: int = MAX_BODY) -> str:
        """The JSON text between `ts` and `prev`, at most `max_bytes` long, ASCII.

        A text that does not fit is cut to an excerpt, with the length and the SHA-256 of the whole text.
        """
        details = {**self.details, **extra_details} if extra_details else self.details
        body = self._encode(self.action, details)
        if len(body) <= max_bytes:
            return body
        action, details = _shorten(self.action, details, max_bytes - len(self._encode("", {})))
        return self._encode(action, details)

    def _encode(self, action: str, details: Mapping[str, Any]) -> str:
        run = "null" if self.run is None else _quoted(self.run)
        return (
            f'"action":{_quoted(action)},"source":{_quoted(self.source)},"outcome":"{self.outcome}",'
            f'"host":{_quoted(self.host)},"user":{_quoted(self.user)},"pid":{self.pid},"run":{run},'
            f'"details":{_canonical(details) if details else "{}"}'
        )


class Entry:
    """An entry as it was read back. Two entries are never equal: compare their lines."""

    __slots__ = FIELDS

    def __init__(
        self,
        seq: int,
        ts: str,
        action: str,
        source: str,
        outcome: str,
        host: str,
        user: str,
        pid: int,
        run: str | None,
        details: dict[str, Any],
        prev: str,
    ) -> None:
        self.seq = seq
        self.ts = ts
        self.action = action
        self.source = source
        self.outcome = outcome
        self.host = host
        self.user = user
        self.pid = pid
        self.run = run
        self.details = details
        self.prev = prev

    def as_dict(self) -> dict[str, Any]:
        """The entry as the record's JSON object, keys in their order."""
        return {field: getattr(self, field) for field in FIELDS}

    def log_line(self) -> str:
        """The entry as people read it, without a newline."""
        return log_line(self.ts, self.action)


def line(seq: int, ts: str, body: str, prev: str) -> bytes:
    """A line of the record, with its newline."""
    return f'{{"seq":{seq},"ts":"{ts}",{body},"prev":"{prev}"}}\n'.encode("ascii")


def chain_hash(line_bytes: bytes) -> str:
    """What the next line's `prev` must be: SHA-256 of the line without its newline, in hex."""
    return hashlib.sha256(line_bytes.rstrip(b"\n")).hexdigest()


def timestamp(microseconds: int) -> str:
    """RFC 3339 in UTC with six digits, from microseconds since the epoch."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    text = _last_second.get(seconds)
    if text is None:
        year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
        text = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
        _last_second.clear()
        _last_second[seconds] = text
    return f"{text}.{fraction:06d}Z"


def now() -> str:
    """The current time as entries write it."""
    return timestamp(time.time_ns() // 1000)


def segment_name(ts: str) -> str:
    """The segment that an entry of this time belongs to."""
    return f"{ts[:7]}.jsonl"


def encoded(value: Any) -> str:
    """A value of the details as the record writes it: compact JSON, ASCII."""
    return _encode(value)


def log_line(ts: str, action: str) -> str:
    """`[ts] action` with everything that is not printable escaped, without a newline."""
    return f"[{ts}] {escaped(action)}"


def escaped(text: str) -> str:
    r"""The text with control, format and other unprintable characters as `\n`, `\x1b`, `\u202e`.

    One line, and no escape sequence or right-to-left mark reaches a terminal (CWE-117, CWE-150).
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _shorten(action: str, details: Mapping[str, Any], max_bytes: int) -> tuple[str, dict[str, Any]]:
    """Action and details, cut until their JSON fits into `max_bytes`; each excerpt has length and hash."""
    shortened: dict[str, Any] = {}
    bytes_left = max_bytes
    if len(_encode(action)) > _MAX_ACTION:
        shortened[_EXCERPTS[0]] = _measure(action)
        action = _cut(action, _MAX_ACTION - 400)
    bytes_left -= len(_encode(action)) + len(_encode(shortened)) + 1
    large: dict[str, Any] = {}
    for key, value in details.items():
        cost = len(_encode({key: value})) + 1
        if cost <= _MAX_SMALL_VALUE and cost <= bytes_left - 1200 and key not in _EXCERPTS:
            shortened[key] = value
            bytes_left -= cost
        else:
            large[key] = value
    if large:
        whole = _encode(large)
        shortened[_EXCERPTS[1]] = {"text": _cut(whole, bytes_left - 300), **_measure(whole)}
    return action, shortened


def _measure(text: str) -> dict[str, Any]:
    """Length in characters, and SHA-256 of the text in UTF-8."""
    whole = text.encode("utf-8", "surrogatepass")
    return {"length": len(text), "sha256": hashlib.sha256(whole).hexdigest()}


def _cut(text: str, size: int) -> str:
    """The longest beginning whose JSON fits into `size` bytes, and an ellipsis. Found by bisection."""
    low, high = 0, min(len(text), size)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_encode(text[:middle])) <= size:
            low = middle
        else:
            high = middle - 1
    return text[:low] + "…"
