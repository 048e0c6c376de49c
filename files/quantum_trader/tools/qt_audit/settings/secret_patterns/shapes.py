"""All shapes of secrets, in their order, each only where the text holds what it needs."""

from __future__ import annotations

from qt_audit.settings.secret_patterns import named_values, options, patterns, sentences, tokens
from qt_audit.settings.secret_patterns.basics import NAME_HINTS
from qt_audit.settings.secret_patterns.encodings import redact_encoded

_NOUNS = ("pass", "token", "secret", "key ", "keys ", "pwd", "cred", "logged in", "logging in")


def redact(text: str, lowered: str) -> str:
    """The text without secrets of a known shape. Redacting it again changes nothing."""
    text = _redact_plain(text, lowered)
    if "%" in text or "&" in text or "\\u00" in text or "\\x" in text:
        text = redact_encoded(text, lambda layer: _redact_plain(layer, layer.lower()))
    return text


def _redact_plain(text: str, lowered: str) -> str:
    text = patterns.redact(text, lowered)
    if ("'" in text or '"' in text or "$" in text or "`" in text) and (
        "pass" in lowered or "identified" in lowered or "pwd" in lowered
    ):
        text = sentences.redact_sql(text)
    for hint in NAME_HINTS:
        if hint in lowered:
            text = _redact_named(text, lowered)
            break
    text = options.redact(text, lowered)
    if max(map(len, text.split()), default=0) >= tokens.SHORTEST:
        text = tokens.redact(text)
    return text


def _redact_named(text: str, lowered: str) -> str:
    if "kind:" in lowered and "data:" in text and "secret" in lowered:
        text = sentences.redact_manifests(text)
    if "<" in text:
        text = named_values.redact_elements(text)
    if ("'" in text or '"' in text or "\n" in text) and (
        "(" in text or "value" in lowered or "name" in lowered or "key" in lowered
    ):
        text = named_values.redact_pairs(text)
    if ":" in text or "=" in text or "->" in text or "→" in text:
        text = named_values.redact(text)
    for noun in _NOUNS:
        if noun in lowered:
            return sentences.redact_sentences(text)
    return text
