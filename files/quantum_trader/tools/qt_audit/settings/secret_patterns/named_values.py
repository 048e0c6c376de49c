"""Values under a name: `password=…`, `"token": "…"`, `API key: …`, XML elements and pairs of name and value."""

from __future__ import annotations

import re
import string

from qt_audit.settings.secret_patterns.names import (
    EXACT,
    KEY_LIKE,
    NOT_SECRET,
    TEXT,
    WEAK,
    classify,
    is_harmless,
    is_plain_part,
    is_secret,
    looks_random,
)
from qt_audit.settings.secret_patterns.values import REDACTED, Value, value_at, words_after

_SEPARATOR = re.compile(r"[=:]=?>?")
_NAME_CHARACTERS = string.ascii_letters + string.digits + "_.-$@"
_WINDOW = 96
_SECOND_WORDS = ("key", "keys", "code", "codes", "phrase", "pass", "id", "password")
_NOUN_BEFORE = re.compile(
    r"(?i)\b(?:passwords?|passphrase|passwd|tokens?|secret|credentials?|api[ _-]?key|access[ _-]?key|psk)"
    r"[ ](?:\([^()]{1,30}\)|(?:for|of|on|to|is)\b[^:=,;()]{0,40})$"
)
_NOUN_IN_BRACKETS = re.compile(r"(?i)\b(?:password|passphrase|passwd|token|secret|api[ _-]?key)s?\s?\([^()]{1,40}\)$")
_PASSPHRASE = re.compile(r"(?i)pass|pwd|phrase|mnemonic")
_LINE_START = re.compile(r"(?:^|[\n\r,;{(]|\\n)[ \t>*#-]{0,20}$")


def redact(text: str) -> str:
    """The text without the values of names that name a secret."""
    pieces: list[str] = []
    done = 0
    for separator in _SEPARATOR.finditer(text):
        at = separator.start()
        if at < done or text.startswith("//", at + 1):
            continue
        name, kind, is_quoted = _name_before(text, at, done)
        if kind == NOT_SECRET:
            continue
        value = value_at(text, separator.end())
        if value is None:
            continue
        gap = text[separator.end() : value.start]
        in_prose = separator.group() == ":" and gap[:1] in (" ", "\n") and not is_quoted and not value.is_quoted
        if not _is_secret(kind, value, in_prose):
            continue
        end = value.end
        if _takes_more_words(text, at, name, gap, value):
            end = words_after(text, end)
        pieces += text[done : value.start], REDACTED
        done = end
    if not pieces:
        return text
    return "".join(pieces) + text[done:]


def _name_before(text: str, at: int, done: int) -> tuple[str, int, bool]:
    """The name before a separator, its kind, and whether it is quoted."""
    head = text[max(done, at - _WINDOW) : at].rstrip(" \t")
    if head.endswith(")") and _NOUN_IN_BRACKETS.search(head):
        return "", EXACT, False
    bare = head.rstrip("\"'`\\])")
    rest = bare.rstrip(_NAME_CHARACTERS)
    name = bare[len(rest) :]
    if not name:
        return "", NOT_SECRET, False
    is_quoted = len(bare) < len(head) and head[-1] in "\"'`"
    kind = classify(name)
    if kind in (NOT_SECRET, KEY_LIKE, WEAK) and rest.endswith(" ") and not is_quoted:
        if name.lower() in _SECOND_WORDS:
            before = rest.rstrip(" ")
            second = before[len(before.rstrip(_NAME_CHARACTERS)) :]
            both = classify(f"{second}_{name}") if second else NOT_SECRET
            kind = both if both > kind or kind == KEY_LIKE else kind
        if kind == NOT_SECRET and _NOUN_BEFORE.search(head):
            kind = _RANDOM
    return name, kind, is_quoted


_RANDOM = -1
"""A sentence names a secret: its value must look like one."""


def _is_secret(kind: int, value: Value, in_prose: bool) -> bool:
    if kind == _RANDOM:
        return not value.is_group and (value.is_quoted or looks_random(value.text))
    if value.is_group:
        if kind == KEY_LIKE or not any(c.isalnum() for c in value.text) or is_harmless(value.text):
            return False
        inner = _INNER_NAME.findall(value.text)
        return kind != WEAK or not inner or not all(is_plain_part(name) for name in inner)
    return is_secret(kind, value.text, in_prose)


_INNER_NAME = re.compile(r"([\w-]{1,60})\\{0,31}[\"']?\s{0,3}[:=]")


def _takes_more_words(text: str, at: int, name: str, gap: str, value: Value) -> bool:
    if value.is_quoted or value.is_group or not _PASSPHRASE.search(name):
        return False
    if name.isupper() and not gap:  # PGPASSWORD=x psql …
        return False
    before = text[max(0, at - _WINDOW) : at].rstrip(" \t")
    return bool(gap) or _LINE_START.search(before[: len(before) - len(name)]) is not None


_ELEMENT = re.compile(r"<((?:[\w-]{1,30}:)?[\w.-]{1,60})(?:\s[^<>]{0,200})?>(?:<!\[CDATA\[)?([^<]{1,4000})")
_CALL = re.compile(
    r"\b(?:define|setenv|putenv|set|put|add|append|update|setProperty|set_option|setOption|env|config|header|addHeader)"
    r"\(\s{0,3}(\\{0,31}[\"'])([\w.-]{2,60})\1\s{0,3},(?=\s{0,3}\\{0,31}[\"'])"
)
_PAIR = re.compile(
    r"(\\{0,31}[\"'])([\w.\- ]{2,60})\1\s{0,3},?\s{0,9}\\{0,31}[\"']?(?:value|val|content|data|default)\\{0,31}[\"']?\s{0,3}[=:]"
)


def redact_elements(text: str) -> str:
    """The text without the contents of XML elements that name a secret."""

    def instead(found: re.Match[str]) -> str:
        name, content = found[1], found[2]
        kind = classify(name.rpartition(":")[2])
        if kind < WEAK or not content.strip() or not is_secret(kind, content.strip(), True):
            return found.group()
        return found.group()[: -len(content)] + REDACTED

    return _ELEMENT.sub(instead, text)


def redact_pairs(text: str) -> str:
    """The text without the values of `"name": "DB_PASSWORD", "value": "…"`."""
    text = _redact_after(text, _PAIR)
    return _redact_after(text, _CALL)


def _redact_after(text: str, introducer: re.Pattern[str]) -> str:
    pieces: list[str] = []
    done = 0
    for found in introducer.finditer(text):
        if found.start() < done or classify(found[2]) < TEXT:
            continue
        value = value_at(text, found.end())
        if value is not None and is_secret(EXACT, value.text):
            pieces += text[done : value.start], REDACTED
            done = value.end
    return "".join(pieces) + text[done:] if pieces else text
