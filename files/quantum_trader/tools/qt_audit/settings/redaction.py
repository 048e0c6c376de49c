"""Remove secrets from texts and details before they are recorded.

Secrets are known shapes (webhook addresses, `password=` and the like, bearer headers, userinfo in URLs,
private keys), the values of this host's own secret settings, and the operator's patterns (QT_REDACT). Every
pattern is bounded, so a hostile megabyte costs linear time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

REDACTED = "[redacted]"
_MAX_DEPTH = 8
_MAX_ITEMS = 1000
_MAX_VALUES = 20_000
_NOT_SECRET, _TEXT_IS_SECRET, _SECRET = 0, 1, 2

_NAMES = (
    r"(?:passw(?:or)?d|passphrase|pwd|token|secret(?!ar)|api[_-]?key|access[_-]?key|private[_-]?key|"
    r"credentials?)"
)
_VALUE = (
    r"(?:\[redacted\]"
    r"|\\\"[^\"\\]*(?:\\(?!\")[^\"\\]*)*(?:\\?\")?"  # \"quoted within a quoted text\"
    r"|\"[^\"\\]*(?:\\[\s\S][^\"\\]*)*\"?"
    r"|\\?'[^']*'?"
    r"|[^\s\"'&,;]+)"
)
_SECRET_KEY = (
    rf"(?is)(?P<exactly>(?:.*[^a-z])?(?:{_NAMES}|authorization)\Z)|.*?(?:{_NAMES}|authorization|webhook)"
)

# If a text holds none of these words, no pattern runs: most texts hold none.
_HINTS = (
    "://", ":\\/", "pass", "pwd", "token", "secret", "key", "credential", "bearer", "basic",
    "authorization", "akia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "eyj",
    "/webhook", "/services/",
)  # fmt: skip
_S = r"\\?/"  # a slash, also as some write it into JSON

_SHAPES: tuple[tuple[str, int, str], ...] = (
    (
        (r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY-----|\Z)"),
        re.DOTALL,
        REDACTED,
    ),
    # userinfo: scheme://user:password@host
    (
        (rf"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{{0,30}}:{_S}{_S})[^\s/?#\"'<>]{{1,512}}@"),
        0,
        rf"\1{REDACTED}@",
    ),
    # webhooks: Discord, Slack, Mattermost, Rocket.Chat, Teams, and other services with such paths
    (
        (
            rf"(https?:{_S}{_S}[^\s/\"'<>]{{1,255}}{_S}(?:[^\s/\"'<>]{{1,64}}/){{0,4}}?"
            rf"(?:webhooks?|webhookb2|hooks|services|workflows){_S})[^\s\"'<>]+"
        ),
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # webhook paths without a host, as in the exceptions of HTTP libraries
    (
        (r"(/webhooks?/[0-9]{5,30}/|/services/T[A-Z0-9]{2,20}/B[A-Z0-9]{2,20}/)[\w-]+"),
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    (
        (
            r"(authorization\\?[\"']?\s{0,3}[=:]\s{0,3})(\\?[\"']?)"
            r"(?:(?:digest|aws4)[^\r\n]*|[^\s\"'\\][^\r\n\"'\\]*)"
        ),
        re.IGNORECASE,
        rf"\1\2{REDACTED}",
    ),
    # a bearer token has a digit or a sign in it; "bearer authentication" has not
    (
        (r"\b(bearer\s{1,3})(?=[a-z+/.-]{0,200}[0-9_~=])[a-z0-9._~+/=-]{8,}"),
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    ((r"\b(basic\s{1,3})[a-z0-9+/]{6,2000}={1,2}"), re.IGNORECASE, rf"\1{REDACTED}"),
    (
        (rf"({_NAMES}[\w-]{{0,20}}\\?[\"']?\s{{0,3}}(?:=>|=|:)\s{{0,3}}){_VALUE}"),
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # an option with its value as the next word: --password VALUE
    (
        (rf"(--?(?:[a-z]+-){{0,3}}{_NAMES}\s{{1,3}})(?!-)(?:\"[^\"]*\"?|'[^']*'?|\S+)"),
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # token shapes that name their issuer: AWS, GitHub, Slack, a JWT
    (
        (
            r"(?<![\w-])(?:AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{30,255}"
            r"|xox[abeoprs]-[A-Za-z0-9-]{10,255}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})"
        ),
        0,
        REDACTED,
    ),
)
_compiled: list[tuple[re.Pattern[str], str]] = []


def _compiled_shapes() -> list[tuple[re.Pattern[str], str]]:
    """The shapes, compiled when a text needs them first: it takes longer than the import of most programs."""
    if not _compiled:
        _compiled[:] = [(re.compile(pattern, flags), instead) for pattern, flags, instead in _SHAPES]
    return _compiled


class Redactor:
    """Removes secrets from texts and from the values of details. Prints no pattern."""

    __slots__ = ("_classified_keys", "_literals", "_patterns")

    def __init__(self, patterns: Iterable[re.Pattern[str]] = (), literals: Iterable[str] = ()) -> None:
        """`patterns` are the operator's; `literals` are secret values."""
        self._patterns = tuple(patterns)
        self._classified_keys: dict[str, tuple[str, int]] = {}
        self._literals = tuple(sorted((text for text in literals if len(text) >= 4), key=len, reverse=True))

    def text(self, text: str) -> str:
        """The text with every secret replaced by `[redacted]`. Redacting it again changes nothing."""
        for literal in self._literals:
            if literal in text:
                text = text.replace(literal, REDACTED)
        lowered = text.lower()
        for hint in _HINTS:
            if hint in lowered:
                for shape, replacement in _compiled_shapes():
                    text = shape.sub(replacement, text)
                break
        for pattern in self._patterns:
            text = pattern.sub(REDACTED, text)
        return text

    def details(self, details: Any) -> dict[str, Any]:
        """Details as JSON values, redacted: by the value's text, or by a key that names a secret.

        A value that JSON cannot hold (an object, a NaN, a cycle) becomes a text. Of too many values the first
        are kept, and a text says how many were left out. Never raises.
        """
        if not details:
            return {}
        try:
            convert = self._json_object if type(details) is dict else self._json_value
            plain = convert(details, 0, [_MAX_VALUES])
        except Exception:  # a caller's container may raise anything while it is read
            return {"details": f"[{type(details).__name__} that cannot be shown]"}
        return plain if isinstance(plain, dict) else {"details": plain}

    def _json_value(self, value: Any, depth: int, budget: list[int]) -> Any:
        kind = type(value)
        if kind is str:
            return self.text(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**64 else hex(value)
        if kind is float:
            return value if value - value == 0 else str(value)
        mapping = kind is dict or isinstance(value, Mapping)
        if not mapping and not isinstance(value, (list, tuple, set, frozenset)):
            return self.text(readable(value))
        if depth >= _MAX_DEPTH:
            return "[too deep]"
        return self._json_object(value, depth, budget) if mapping else self._json_array(value, depth, budget)

    def _json_array(self, value: Iterable[Any], depth: int, budget: list[int]) -> list[Any]:
        items = list(value)
        room = _number_kept(items, budget)
        plain = [self._json_value(item, depth + 1, budget) for item in items[:room]]
        if room < len(items):
            plain.append(_left_out_text(len(items) - room))
        return plain

    def _json_object(self, value: Mapping[Any, Any], depth: int, budget: list[int]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        items = list(value.items())
        room = _number_kept(items, budget)
        for key, item in items[:room]:
            name, secrecy = (
                self._classified_keys.get(key) or self._classify_key(key)
                if type(key) is str
                else self._classify_key(key)
            )
            while name in plain:  # two keys of one text: 1 and "1"
                name += "'"
            if secrecy and _is_secret(secrecy, item):
                plain[name] = REDACTED
            else:
                plain[name] = (
                    self.text(item) if type(item) is str else self._json_value(item, depth + 1, budget)
                )
        if room < len(items):
            plain["…"] = _left_out_text(len(items) - room)
        return plain

    def _classify_key(self, key: Any) -> tuple[str, int]:
        """The key as it is recorded, and how secret its value is. Caches short keys."""
        text = readable(key)
        name = self.text(text)
        match = re.match(_SECRET_KEY, name)
        secrecy = (
            _NOT_SECRET if match is None else _SECRET if match["exactly"] is not None else _TEXT_IS_SECRET
        )
        found = name, secrecy
        if type(key) is str and len(key) < 100 and len(self._classified_keys) < 1000:
            self._classified_keys[key] = found
        return found


def _number_kept(items: list[Any], budget: list[int]) -> int:
    """How many of these values are kept. `budget` is what is left for all values of the entry."""
    room = min(len(items), _MAX_ITEMS, budget[0])
    budget[0] -= room
    return room


def _left_out_text(count: int) -> str:
    return f"[{count} more, left out]"


def _is_secret(secrecy: int, value: Any) -> bool:
    """Whether the key makes the value secret: any value under a secret's name, a text under a similar one."""
    if value is None or value == "" or isinstance(value, bool):
        return False
    return secrecy == _SECRET or isinstance(value, (str, bytes, bytearray))


def readable(value: Any) -> str:
    """Any value as a text: bytes as UTF-8 with surrogates, other values by str(). Never raises."""
    if isinstance(value, str):
        return str.__str__(value)  # a subclass may have a __str__ of its own
    try:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value).decode("utf-8", "surrogateescape")
        return str.__str__(str(value))
    except Exception:  # a __str__ may raise anything, and must not stop the entry
        return f"[{type(value).__name__} that cannot be shown]"
