"""Values under a name: `password=…`, `"token": "…"`, `API key: …`, XML, pairs of name and value."""

from __future__ import annotations

import re
import string

from qt_audit.settings.secret_patterns.basics import EXACT, KEY_LIKE, NOT_SECRET, REDACTED, TEXT, WEAK
from qt_audit.settings.secret_patterns.lazy import lazy
from qt_audit.settings.secret_patterns.names import (
    classify,
    is_harmless,
    is_plain_part,
    is_secret,
    looks_random,
    names_several,
)
from qt_audit.settings.secret_patterns.values import (
    Value,
    group_end,
    seed_words_after,
    to_quote,
    value_at,
    values_after,
    words_after,
)

_SEPARATOR = lazy(r"::(?=\s)|[=:：＝]=?>?|->|→")
_NAME_CHARACTERS = string.ascii_letters + string.digits + "_.-$@"
_WINDOW = 96
_LONG = 2000
"""What is longer and no secret is not looked into again: that keeps the time linear."""
_SECOND_WORDS = ("key", "keys", "code", "codes", "phrase", "pass", "id", "password", "value")
_NOUN_BEFORE = lazy(
    r"(?i)\b(?:passwords?|passphrase|passwd|tokens?|secret|credentials?|api[ _-]?key|access[ _-]?key|psk)"
    r"[ ](?:\([^()]{1,30}\)|(?:for|of|on|to|is)\b[^:=,;()]{0,40})$"
)
_NUMBERED = lazy(
    r"(?i)\b(?:(?:unseal|recovery|api|secret|access|private)[ ]key|password|token|secret)[ ]#?[0-9]{1,3}$"
)
_NOUN_IN_BRACKETS = lazy(
    r"(?i)\b(?:password|passphrase|passwd|token|secret|api[ _-]?key)s?\s?\([^()]{1,40}\)$"
)
_PASSPHRASE = lazy(r"(?i)pass|pwd|phrase|mnemonic")
_INDEX = lazy(r"([\w.-]{0,60})\[[\"']?([\w-]{0,40})[\"']?\]$")
_BLOCK = lazy(r"[ \t]{0,9}(?:\r?\n(?=[ \t]+(?:-[ ]+)?[\w.-]{1,60}:[ \t])[ \t]+[^\n]*)(?:\n[ \t]+[^\n]*)*")
"""The indented lines of a mapping in YAML."""
_BLOCK_VALUE = lazy(
    r"(?m)^([ \t]+(?:-[ ]+)?[^\s:]{1,80}:[ \t]+|[ \t]+-[ ]+(?![^\s:]{1,80}:[ \t]))(?!\[redacted\])\S.*$"
)
_SEED = lazy(r"(?i)mnemonic|seed")
_LINE_START = lazy(r"(?:^|[\n\r,;{(]|\\n)[ \t>*#-]{0,20}$")


def redact(text: str) -> str:
    """The text without the values of names that name a secret."""
    pieces: list[str] = []
    done = skipped = 0
    for separator in _SEPARATOR.finditer(text):
        at = separator.start()
        if at < max(done, skipped) or text.startswith("//", at + 1):
            continue
        name, kind, is_quoted = _name_before(text, at, done)
        if kind == NOT_SECRET or name[-13:].lower() == "authorization":  # patterns.py has that header
            continue
        value = value_at(text, separator.end())
        if value is None:
            continue
        gap = text[separator.end() : value.start]
        if gap.count("\n") > 1 and not looks_random(value.text):
            continue
        in_prose = (
            separator.group() == ":" and gap[:1] in (" ", "\n") and not is_quoted and not value.is_quoted
        )
        if not _is_secret(kind, value, in_prose, name):
            skipped = value.end if value.end - value.start > _LONG else skipped
            continue
        if gap.count("\n") == 1 and kind in (EXACT, TEXT):
            block = _BLOCK.match(text, separator.end())
            if block is not None:
                pieces += text[done : block.start()], _BLOCK_VALUE.sub(rf"\1{REDACTED}", block.group())
                done = block.end()
                continue
        end = group_end(text, value.start) if value.is_group else value.end
        quote = text[at - len(name) - 1 : at - len(name)]
        if (
            quote in ("'", '"')
            and not value.is_quoted
            and not value.is_group
            and separator.end() == value.start
        ):
            end = to_quote(text, end, quote)
        elif _SEED.search(name):
            end = seed_words_after(text, end)
        elif names_several(name) or name.lower().endswith("codes"):
            end = values_after(text, end)
        elif _takes_more_words(text, at, name, gap, value):
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
    index = _INDEX.search(head) if head.endswith("]") else None
    if index is not None:
        return index[1], max(classify(index[1]), classify(index[2])), False
    bare = head.rstrip("\"'`\\])")
    rest = bare.rstrip(_NAME_CHARACTERS)
    name = bare[len(rest) :]
    if name.isdigit() and _NUMBERED.search(head):
        return name, EXACT, False
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
        if kind == NOT_SECRET and _names_before(head):
            kind = _RANDOM
    return name, kind, is_quoted


def _names_before(head: str) -> bool:
    """Whether a sentence has named a secret before: "password for qt: …"."""
    lowered = head.lower()
    for noun in ("pass", "token", "secret", "key", "cred", "psk"):
        if noun in lowered:
            return _NOUN_BEFORE.search(head) is not None
    return False


_RANDOM = -1
"""A sentence names a secret: its value must look like one."""


def _is_secret(kind: int, value: Value, in_prose: bool, name: str) -> bool:
    if kind == _RANDOM:
        return not value.is_group and (value.is_quoted or looks_random(value.text))
    if value.is_group:
        if kind == KEY_LIKE or not any(c.isalnum() for c in value.text) or is_harmless(value.text):
            return False
        inner = _INNER_NAME.findall(value.text)
        return kind != WEAK or not inner or not all(is_plain_part(name) for name in inner)
    return is_secret(kind, value.text, in_prose, name)


_INNER_NAME = lazy(r"([\w-]{1,60})\\{0,31}[\"']?\s{0,3}[:=]")


def _takes_more_words(text: str, at: int, name: str, gap: str, value: Value) -> bool:
    if value.is_quoted or value.is_group:
        return False
    if not _PASSPHRASE.search(name):
        return bool(gap) and looks_random(text[value.end : words_after(text, value.end)].rpartition(" ")[2])
    if name.isupper() and not gap:  # PGPASSWORD=x psql …
        return False
    before = text[max(0, at - _WINDOW) : at].rstrip(" \t")
    return bool(gap) or _LINE_START.search(before[: len(before) - len(name)]) is not None


_ELEMENT = lazy(r"<((?:[\w-]{1,30}:)?[\w.-]{1,60})(?:\s[^<>]{0,200})?>(?:<!\[CDATA\[)?([^<]{1,4000})")
_CALL = lazy(
    r"(?:\b(?:define|setenv|putenv|set|put|add|append|update|setProperty|set_option|setOption|env|"
    r"config|header|addHeader)|(?<!\w))"
    r"\(\s{0,3}(\\{0,31}[\"'])([\w.-]{2,60})\1\s{0,3},(?=\s{0,3}\\{0,31}[\"'])"
)
_YAML_PAIR = lazy(r"\b(name|key):[ \t]{1,5}[\"']?([\w.-]{2,60})[\"']?[ \t]{0,5}\r?\n[ \t]{0,40}value:")
_PAIR = lazy(
    r"(\\{0,31}[\"'])([\w.\- ]{2,60})\1\s{0,3},?\s{0,9}\\{0,31}[\"']?(?:value|val|content|data|"
    r"default)\\{0,31}[\"']?\s{0,3}[=:]"
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
    text = _redact_after(text, _YAML_PAIR) if "\n" in text else text
    return _redact_after(text, _CALL)


def _redact_after(text: str, introducer: re.Pattern[str]) -> str:
    pieces: list[str] = []
    done = 0
    for found in introducer.finditer(text):
        if found.start() < done or classify(found[2]) < TEXT:
            continue
        value = value_at(text, found.end())
        is_bare = found.group()[:1] == "("  # ('password', '…') may as well be two names
        if value is not None and is_secret(EXACT, value.text) and (not is_bare or looks_random(value.text)):
            pieces += text[done : value.start], REDACTED
            done = value.end
    return "".join(pieces) + text[done:] if pieces else text
