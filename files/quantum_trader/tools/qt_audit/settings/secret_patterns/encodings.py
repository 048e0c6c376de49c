"""Undo one layer of an encoding, so that the shapes can be looked for below it.

Percent signs are undone word by word, so that the rest of a text stays as it was written; entities and
escapes of JSON by the text.
"""

from __future__ import annotations

import re

from qt_audit.settings.secret_patterns.lazy import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PERCENT_WORD = lazy(r"[^\s%]{0,2000}%[0-9A-Fa-f]{2}[^\s]*")
_PERCENT = lazy(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = lazy(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z]{2,8}));")
_NAMED = {
    "quot": '"', "apos": "'", "amp": "&", "lt": "<", "gt": ">", "colon": ":",
    "equals": "=", "sol": "/", "commat": "@", "num": "#", "quest": "?", "nbsp": " ",
    "Tab": "\t", "NewLine": "\n", "lowbar": "_", "hyphen": "-", "period": ".", "semi": ";",
    "comma": ",", "percnt": "%", "dollar": "$", "excl": "!", "lpar": "(", "rpar": ")",
    "plus": "+",
}  # fmt: skip
_ESCAPE = lazy(r"\\+u00([2-7][0-9A-Fa-f])|\\x([2-7][0-9A-Fa-f])")
_MAX_LAYERS = 3


def redact_encoded(text: str, redact: Callable[[str], str]) -> str:
    """The text redacted below its encodings. What holds a secret is shown decoded, the rest as it was."""
    if "%" in text:
        text = _PERCENT_WORD.sub(lambda word: _below(word.group(), _percent_decoded, redact), text)
    if "&" in text:
        text = _below(text, _entities_decoded, redact)
    if "\\u00" in text or "\\x" in text:
        text = _below(text, _escapes_decoded, redact)
    return text


def _below(text: str, decode: Callable[[str], str], redact: Callable[[str], str]) -> str:
    layer = text
    for _ in range(_MAX_LAYERS):
        decoded = decode(layer)
        if decoded == layer:
            break
        redacted = redact(decoded)
        if redacted != decoded:
            text = redacted
        layer = redacted
    return text


def _percent_decoded(text: str) -> str:
    return _PERCENT.sub(_percent_run, text)


def _percent_run(found: re.Match[str]) -> str:
    return bytes.fromhex(found.group().replace("%", "")).decode("utf-8", "replace")


def _entities_decoded(text: str) -> str:
    return _ENTITY.sub(_entity, text)


def _entity(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name is not None:
        return _NAMED.get(name, found.group())
    number = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(number) if 9 <= number < 0xD800 else found.group()


def _escapes_decoded(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
