"""Secrets out, once, before any sink: what is recorded holds none of them.

Known shapes (webhook addresses, `password=` and its kin, bearer headers, userinfo in
URLs, private keys), the values of this host's own secret settings, and the operator's
patterns (QT_REDACT). Every pattern is bounded, so a hostile megabyte costs linear time.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Rule = Callable[[str], str]

REDACTED = "[redacted]"
_MAX_DEPTH = 8
_MAX_ITEMS = 1000

_NAMES = (
    r"(?:passw(?:or)?d|passphrase|pwd|token|secret|api[_-]?key|access[_-]?key|private[_-]?key|"
    r"credentials?)"
)
_VALUE = r"""(?:\\?"[^"]*"?|\\?'[^']*'?|[^\s"'&,;]+)"""
_SECRET_KEY = re.compile(_NAMES + "|authorization|webhook", re.IGNORECASE)

# A cheap look first: most sentences hold none of these, and then no pattern runs.
_HINTS = (
    "://", "pass", "pwd", "token", "secret", "key", "credential", "bearer",
    "authorization", "akia", "ghp_", "github_pat_", "xox", "eyj",
)  # fmt: skip

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL),
        REDACTED,
    ),
    # userinfo: scheme://user:password@host
    (
        re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/?#@]{1,512}@"),
        rf"\1{REDACTED}@",
    ),
    # webhooks: Discord, Slack, Mattermost, Rocket.Chat, Teams, and whoever names the path so
    (
        re.compile(
            r"(https?://[^\s/\"'<>]{1,255}/(?:[^\s/\"'<>]{1,64}/){0,4}?(?:webhooks?|webhookb2|hooks|services|workflows)/)"
            r"[^\s\"'<>]+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(rf"(authorization\\?[\"']?\s{{0,3}}[=:]\s{{0,3}})(?:[a-z]{{1,20}}\s{{1,3}})?{_VALUE}", re.IGNORECASE),
        rf"\1{REDACTED}",
    ),
    # a bearer token has a digit or a sign in it; "bearer authentication" has not
    (
        re.compile(r"\b(bearer\s{1,3})(?=[a-z+/]{0,200}[0-9._~=-])[a-z0-9._~+/=-]{8,}", re.IGNORECASE),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(rf"({_NAMES}[\w-]{{0,20}}\\?[\"']?\s{{0,3}}(?:=>|=|:)\s{{0,3}}){_VALUE}", re.IGNORECASE),
        rf"\1{REDACTED}",
    ),
    # an option with its value as the next word: --password VALUE
    (re.compile(rf"(--?{_NAMES}\s{{1,3}})(?!-)(?:\"[^\"]*\"?|'[^']*'?|\S+)", re.IGNORECASE), rf"\1{REDACTED}"),
    # token shapes that name their issuer: AWS, GitHub, Slack, a JWT
    (
        re.compile(
            r"\b(?:AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{30,255}|xox[abeoprs]-[A-Za-z0-9-]{10,255}"
            r"|eyJ[\w-]{10,2000}\.[\w-]{10,4000}\.[\w-]{10,2000})"
        ),
        REDACTED,
    ),
)


class Redactor:
    """Takes secrets out of texts and of the values of details. Immutable; prints no pattern."""

    __slots__ = ("_literals", "_patterns")

    def __init__(self, patterns: Iterable[re.Pattern[str]] = (), literals: Iterable[str] = ()) -> None:
        """`patterns`: what the operator adds; `literals`: values that are secret as they are."""
        self._patterns = tuple(patterns)
        self._literals = tuple(sorted((text for text in literals if len(text) >= 4), key=len, reverse=True))

    def text(self, text: str) -> str:
        """The text with every secret replaced by `[redacted]`; twice gives the same as once."""
        for literal in self._literals:
            if literal in text:
                text = text.replace(literal, REDACTED)
        lowered = text.lower()
        for hint in _HINTS:
            if hint in lowered:
                for shape, replacement in _SHAPES:
                    text = shape.sub(replacement, text)
                break
        for pattern in self._patterns:
            text = pattern.sub(REDACTED, text)
        return text

    def details(self, details: Any) -> dict[str, Any]:
        """Details as plain JSON values, redacted: by the value's text, or by a key that names a secret.

        What JSON has no form for (an object, a NaN, a cycle) becomes a text. Never raises.
        """
        if not details:
            return {}
        plain = self._plain(details, 0)
        return plain if isinstance(plain, dict) else {"details": plain}

    def _plain(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self.text(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**64 else hex(value)
        if kind is float:
            return value if value - value == 0 else str(value)
        if depth >= _MAX_DEPTH:
            return "[too deep]"
        if isinstance(value, dict):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._plain(item, depth + 1) for item in list(value)[:_MAX_ITEMS]]
        return self.text(readable(value))

    def _mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, item in list(value.items())[:_MAX_ITEMS]:
            name = self.text(readable(key))
            secret = isinstance(item, (str, bytes)) and item and _names_secret(name)
            plain[name] = REDACTED if secret else self._plain(item, depth + 1)
        return plain


_judged: dict[str, bool] = {}


def _names_secret(key: str) -> bool:
    known = _judged.get(key)
    if known is None:
        known = _SECRET_KEY.search(key) is not None
        if len(_judged) < 1000:
            _judged[key] = known
    return known


def readable(value: Any) -> str:
    """Any value as a text: bytes as UTF-8 with surrogates for what is not, the rest by str(). Never raises."""
    if isinstance(value, str):
        return str(value)
    try:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value).decode("utf-8", "surrogateescape")
        return str(value)
    except Exception:  # a foreign __str__ may raise anything, and must not stop the entry
        return f"[{type(value).__name__} that cannot be shown]"
