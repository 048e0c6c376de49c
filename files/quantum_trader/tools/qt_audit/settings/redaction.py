"""Remove secrets from texts and details before they are recorded.

Secrets are known shapes (webhook addresses, `password=` and the like, bearer headers, userinfo in URLs,
private keys), the values of this host's own secret settings, and the operator's patterns (QT_REDACT). Every
pattern is bounded, so a hostile megabyte costs linear time.

The shapes are in secret_patterns/; here is the cheap test whether a text may hold one, and what details are.
It is a net, not a promise: a secret that looks like any other word passes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from qt_audit.settings.secret_patterns.basics import EXACT, KEY_LIKE, NAME_HINTS, NOT_SECRET, REDACTED, TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_MAX_DEPTH = 8
_MAX_ITEMS = 1000
_MAX_VALUES = 20_000

# If a text holds none of these words and no long word, no pattern runs: most texts hold none.
_WORDS = (
    "pass",
    "token",
    "secret",
    "key",
    "auth",
    "pwd",
    "cred",
    "cookie",
    "bearer",
    "basic",
    "identified",
    "community",
    "vault ",
    "net user",
    "bindpw",
    "rootpw",
)
_WITH_CHARACTER = (
    # a character, and the words that say something where it is
    ("/", (
        "://", ":\\/", "/services/", "/triggers/", "/workflows/", "/webhook", "/bot", " /p:",
        "sqlplus", "thin:",
    )),
    ("=", (
        "psk", "pw=", "sess", "otp", "mfa", "csrf", "xsrf", "sid=", "sig", "webhook", "phrase", "mnemonic",
        "pw =", "on_code",
    )),
    (":", (
        "psk", "pw:", "sess", "otp", "mfa", "csrf", "xsrf", "webhook", "phrase", "mnemonic", "code:", "codes",
        "pw\"", "pw'", "5432:", "5433:", "6432:", "3306:", "*:", ":587", ":465", ":25 ", ":aa",
        "private-lines", "@", "sid\"", "sid'",
    )),
    ("-", ("-----begin", "->")),
    ("$", ("$",)),
    ("%", ("%2", "%3", "%4")),
    ("&", ("&#", "&quot", "&amp")),
    ("\\", ("\\u00", "\\x")),
    ("{", ("{sha", "{ssha", "{crypt", "{smd5")),
    ("_", ("add_user",)),
    ("(", ("login(",)),
    ("→", ("→",)),
    ("|", ("sudo", "login", "kinit", "gpg")),
)  # fmt: skip
_SHORTEST_TOKEN = 14
"""Length of the shortest token that a service gives out; shapes and rules for them ask for no less."""
_IN_HASHES = "0123456789abcdefTZ:.-"
"""A long word of these alone is a hash, an id, a head or a time: without a name it is no token."""
_OPTION = r"[ '\"]--?[A-Za-z]"


def _may_hold_secret(text: str, lowered: str) -> bool:
    for word in _WORDS:
        if word in lowered:
            return True
    for character, words in _WITH_CHARACTER:
        if character in text:
            for word in words:
                if word in lowered:
                    return True
    return (" -" in text or "'-" in text or '"-' in text) and re.search(_OPTION, text) is not None


def _without_shapes(text: str, lowered: str) -> str:
    """The text without secrets of a known shape.

    Their patterns are read when a text needs them first: it takes longer than the import of most programs.
    """
    if _may_hold_secret(text, lowered):
        from qt_audit.settings.secret_patterns import shapes

        return shapes.redact(text, lowered)
    for word in text.split():
        if len(word) >= _SHORTEST_TOKEN and (word.strip(_IN_HASHES) or "=" in text):
            from qt_audit.settings.secret_patterns import tokens

            return tokens.redact(text)
    return text


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
        text = _without_shapes(text, text.lower())
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

    def _json_value(self, value: Any, depth: int, budget: list[int], under: int = NOT_SECRET) -> Any:
        """`under` is the kind of the key above: texts below it are secrets, too."""
        kind = type(value)
        if kind is str:
            return self._text_under(value, under) if under else self.text(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**64 else hex(value)
        if kind is float:
            return value if value - value == 0 else str(value)
        mapping = kind is dict or isinstance(value, Mapping)
        if not mapping and not isinstance(value, (list, tuple, set, frozenset)):
            return self._text_under(readable(value), under)
        if depth >= _MAX_DEPTH:
            return "[too deep]"
        convert = self._json_object if mapping else self._json_array
        return convert(value, depth, budget, under)

    def _text_under(self, text: str, kind: int) -> str:
        if kind:
            from qt_audit.settings.secret_patterns.names import is_secret

            if is_secret(kind, text):
                return REDACTED
        return self.text(text)

    def _json_array(self, value: Iterable[Any], depth: int, budget: list[int], under: int) -> list[Any]:
        items = list(value)
        room = _number_kept(items, budget)
        kept = items[:room]
        if len(kept) == 2 and type(kept[0]) is str and type(kept[1]) is str:
            kept = _without_arguments(kept)
        for item in kept:
            if type(item) is str and item[:1] == "-":
                kept = _without_arguments(kept)
                break
        plain = [self._json_value(item, depth + 1, budget, under) for item in kept]
        if room < len(items):
            plain.append(_left_out_text(len(items) - room))
        return plain

    def _json_object(
        self, value: Mapping[Any, Any], depth: int, budget: list[int], under: int = NOT_SECRET
    ) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        items = list(value.items())
        room = _number_kept(items, budget)
        named = self._named_value(value) if "value" in value or "Value" in value else None
        for key, item in items[:room]:
            name, kind = (
                self._classified_keys.get(key) or self._classify_key(key)
                if type(key) is str
                else self._classify_key(key)
            )
            while name in plain:  # two keys of one text: 1 and "1"
                name += "'"
            if kind or under or named == key:
                plain[name] = self._value_of(
                    name, EXACT if named == key else kind, item, depth, budget, under
                )
            else:
                plain[name] = (
                    self.text(item) if type(item) is str else self._json_value(item, depth + 1, budget)
                )
        if room < len(items):
            plain["…"] = _left_out_text(len(items) - room)
        return plain

    def _value_of(self, name: str, kind: int, item: Any, depth: int, budget: list[int], under: int) -> Any:
        """The value of a key that says something, or that stands below one that does."""
        from qt_audit.settings.secret_patterns import names

        if item is None or item == "" or isinstance(item, bool):
            return item
        is_text = isinstance(item, (str, bytes, bytearray))
        if kind == EXACT:
            return item if is_text and names.is_harmless(readable(item)) else REDACTED
        is_group = isinstance(item, (Mapping, list, tuple, set, frozenset))
        if is_group and kind == TEXT and len(item) and names.names_several(name):
            return REDACTED
        if not kind and under and names.is_plain_part(name):
            under = NOT_SECRET
        if is_group and kind == KEY_LIKE:
            kind = NOT_SECRET
        return self._json_value(readable(item) if is_text else item, depth + 1, budget, kind or under)

    def _named_value(self, value: Mapping[Any, Any]) -> str | None:
        """The key of the secret in `{"name": "DB_PASSWORD", "value": "…"}`."""
        for key in ("name", "key", "Name", "Key", "variable", "option", "field", "env"):
            name = value.get(key)
            if type(name) is str and len(name) < 100 and self._classify_key(name)[1] >= TEXT:
                return "value" if "value" in value else "Value"
        return None

    def _classify_key(self, key: Any) -> tuple[str, int]:
        """The key as it is recorded, and how secret its value is. Caches short keys."""
        text = readable(key)
        name = self.text(text)
        kind, lowered = NOT_SECRET, name.lower()
        for hint in NAME_HINTS:
            if hint in lowered:
                from qt_audit.settings.secret_patterns.names import classify

                kind = classify(name)
                break
        found = name, kind
        if type(key) is str and len(key) < 100 and len(self._classified_keys) < 1000:
            self._classified_keys[key] = found
        return found


def _without_arguments(items: list[Any]) -> list[Any]:
    """The items without the values of options, of a named pair, of the lines of a private key."""
    from qt_audit.settings.secret_patterns import arguments, key_lines

    if arguments.is_named_pair(items):
        return [items[0], REDACTED]
    instead = arguments.secret_arguments(items)
    items = [instead.get(number, item) for number, item in enumerate(items)]
    if any(type(item) is str and item.startswith("-----BEGIN") for item in items):
        lines = key_lines.KeyLines()
        items = [lines.redact(item) if type(item) is str else item for item in items]
    return items


def _number_kept(items: list[Any], budget: list[int]) -> int:
    """How many of these values are kept. `budget` is what is left for all values of the entry."""
    room = min(len(items), _MAX_ITEMS, budget[0])
    budget[0] -= room
    return room


def _left_out_text(count: int) -> str:
    return f"[{count} more, left out]"


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
