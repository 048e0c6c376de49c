"""Secrets in SQL and in sentences: `IDENTIFIED BY '…'`, "the password of qt is …", a Secret of Kubernetes."""

from __future__ import annotations

from qt_audit.settings.secret_patterns.basics import REDACTED
from qt_audit.settings.secret_patterns.lazy import lazy
from qt_audit.settings.secret_patterns.names import is_harmless, looks_random
from qt_audit.settings.secret_patterns.values import Value, value_at

_SQL = lazy(
    r"(?i)(?<![\"'])\b(?:(?:(?-i:IDENTIFIED)|(?:user|to|role|"
    r"exists)\s{1,3}\S{1,160}\s{1,3}identified)\s{1,3}(?:with\s{1,3}\S{1,60}\s{1,3})?(?:by|as|"
    r"using)(?:\s{1,3}(?:password|values))?"
    r"|(?:set\s{1,3})?password(?:\s{1,3}for\s{1,3}\S{1,160})?\s{0,3}(?:=\s{0,3})?(?:(?:old_)?password)?\s{0,3}\(?"
    r"|pass(?:wd|phrase)|pwd)(?:\s{1,3}|(?<=[=(]))(?=(?:[NE]|U&)?\\{0,31}['\"`$])"
)
_PREFIX = lazy(r"(?i)(?:[NE]|U&)(?=\\{0,31}['\"])")
_QUOTE = lazy(r"\\{0,31}['\"`]")
_DOLLARS = lazy(r"\$(\w{0,20})\$")
_NOUN = lazy(
    r"(?i)\b(?:(?:password|passphrase|passwd|passcode|pwd|token|secret|credential|(?:api|access|"
    r"secret)[ _-]?(?:access[ _-])?key)s?"
    r"\s|log(?:ged|ging)\sin\s)"
)
_LINK = lazy(
    r"(?i)(?:^|(?<!\w)(?:is|was|to|of|as|now|be|with|using|changed\sfrom|\||used|tried|entered|gave|said|"
    r"sent)\s{1,3})(?=[^\s=:])"
)
_RANDOM = lazy(r"[0-9!@#$%^&*+=~]")
_SECRET_DATA = lazy(r"(?:^|(?<=\n))(?:stringData|data):[ \t]*\n(?:[ \t]+[^\n]*(?:\n|\Z))+")
_DATUM = lazy(r"(?m)^([ \t]+[^\s:]{1,100}:[ \t]{1,9})(?!\[redacted\]|[|>{[]).+$")


def redact_sql(text: str) -> str:
    """The text without the passwords of SQL statements."""
    pieces: list[str] = []
    done = 0
    for found in _SQL.finditer(text):
        if found.end() < done:
            continue
        span = _sql_span(text, found.end())
        if span is not None:
            pieces += text[done : span[0]], REDACTED
            done = span[1]
    return "".join(pieces) + text[done:] if pieces else text


def _sql_span(text: str, position: int) -> tuple[int, int] | None:
    dollars = _DOLLARS.match(text, position)
    if dollars is not None:
        end = text.find(dollars.group(), dollars.end())
        end = len(text) if end < 0 else end
        inner = text[dollars.end() : end]
        return None if not inner or inner.startswith(REDACTED) else (dollars.end(), end)
    prefix = _PREFIX.match(text, position)
    position = prefix.end() if prefix else position
    value = value_at(text, position, False) if _QUOTE.match(text, position) else None
    if value is None or not value.is_quoted or is_harmless(value.text) or value.text.isspace():
        return None
    return value.start, value.end


def redact_sentences(text: str) -> str:
    """The text without what a sentence calls a password, if it looks like one."""
    pieces: list[str] = []
    done = 0
    for noun in _NOUN.finditer(text):
        begin = noun.end()
        if begin < done:
            continue
        clause = text[begin : begin + 100]
        if not any(len(word) >= 6 and _RANDOM.search(word) for word in clause.split()):
            continue
        for link in _LINK.finditer(clause):
            value = value_at(text, begin + link.end(), False)
            if value is not None and value.start >= done and _is_random(value):
                pieces += text[done : value.start], REDACTED
                done = value.end
                break
    return "".join(pieces) + text[done:] if pieces else text


def _is_random(value: Value) -> bool:
    return not value.is_group and looks_random(value.text)


def redact_manifests(text: str) -> str:
    """The text without the data of Kubernetes' Secrets."""
    return _SECRET_DATA.sub(lambda found: _DATUM.sub(rf"\1{REDACTED}", found.group()), text)
