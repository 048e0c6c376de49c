"""Tokens of known services, by the rules of gitleaks (gitleaks.json) and by prefixes of our own.

A token is looked for only where a run of at least `SHORTEST` characters begins, and a rule is tried only
where its prefix stands there: most texts cost one split.
"""

from __future__ import annotations

import json
import os
import re

from qt_audit.settings.secret_patterns.basics import REDACTED
from qt_audit.settings.secret_patterns.lazy import lazy
from qt_audit.settings.secret_patterns.word_lists import PREFIXES, UNSAFE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SHORTEST = 14
_RUN = lazy(rf"[A-Za-z0-9_.~-]{{{SHORTEST},}}")
_LOOSE_TAIL = lazy(r"[A-Za-z0-9_.~+/=|-]{8,}")


class _Rules:
    """The rules by the first two letters of what they begin with; compiled when a text needs one."""

    __slots__ = ("by_head", "compiled", "inner", "services")

    def __init__(self) -> None:
        self.by_head: dict[str, list[tuple[str, str]]] = {}
        self.inner: list[tuple[str, str]] = []
        self.services: list[tuple[str, str]] = []
        self.compiled: dict[str, re.Pattern[str]] = {}
        for prefix in sorted(PREFIXES):
            self.by_head.setdefault(prefix[:2].lower(), []).append((prefix, ""))
        self.by_head["ey"] = [("eyj", r"eyJ[\w-]{8,}(?:\.[\w-]*){2,4}")]  # a JSON web token
        self.by_head["ls"] = [("ls0tls1crudjtib", _KEY_IN_BASE64)]
        self.inner.append((".", r"[MNO][A-Za-z0-9_-]{22,28}\.[\w-]{6}\.[\w-]{27,45}"))  # a bot of Discord
        for rule in _read_rules():
            kind, pattern = rule["kind"], rule["pattern"]
            for keyword in rule["keywords"]:
                if kind == "prefix":
                    self.by_head.setdefault(keyword[:2], []).append((keyword, pattern))
                elif kind == "inner":
                    self.inner.append((keyword, pattern))
                else:
                    self.services.append((keyword, pattern))

    def pattern(self, text: str) -> re.Pattern[str]:
        found = self.compiled.get(text)
        if found is None:
            found = self.compiled[text] = re.compile(text)
        return found


def _read_rules() -> list[dict[str, Any]]:
    """The rules of gitleaks.json; none if the file cannot be read: the shapes of our own go on working."""
    try:
        with open(os.path.join(os.path.dirname(__file__), "gitleaks.json"), encoding="ascii") as file:
            rules: list[dict[str, Any]] = json.load(file)["rules"]
    except (OSError, ValueError, KeyError):
        return []
    return rules


_KEY_IN_BASE64 = (
    r"LS0tLS1CRUdJTiB(?:SU0EgUFJJVkFURS|QUklWQVRF|PUEVOU1NI|FQyBQUklWQVRF|FTkNSWVBURUQ|EU0Eg)"
    r"[A-Za-z0-9+/=_-]{10,}"
)
"""The first line of a private key in Base64, as a kubeconfig holds it."""
_AWS_ID = 20
_AWS_PAIR = lazy(r"[\s,:;\"'/|]{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])")
_rules: _Rules | None = None


def redact(text: str) -> str:
    """The text without tokens whose shape names their issuer."""
    global _rules
    if _rules is None:
        _rules = _Rules()
    rules = _rules
    pieces: list[str] = []
    done = place = 0
    for word in text.split():
        if len(word) < SHORTEST:
            continue
        begin = text.index(word, place)
        place = begin + len(word)
        for run in _RUN.finditer(text, begin, place):
            if run.start() < done:
                continue
            span = _token_at(text, run.start(), run.end(), rules)
            if span is not None:
                pieces += text[done : span[0]], REDACTED
                done = span[1]
                if done - span[0] == _AWS_ID:
                    pair = _AWS_PAIR.match(text, done)
                    done = pair.end() if pair else done
    return "".join(pieces) + text[done:] if pieces else text


def _token_at(text: str, start: int, end: int, rules: _Rules) -> tuple[int, int] | None:
    while start < end and text[start] in ".~-":
        start += 1
    if start and text[start - 1] == "\\" and text[start] in "nrt":  # \n, as JSON writes it
        start += 1
    for keyword, pattern in rules.by_head.get(text[start : start + 2].lower(), ()):
        if not pattern:
            if text.startswith(keyword, start):
                tail = _LOOSE_TAIL.match(text, start + len(keyword))
                if tail and _is_token_tail(tail.group(), keyword):
                    return start, tail.end()
        elif text[start : start + len(keyword)].lower() == keyword:
            found = rules.pattern(pattern).match(text, start)
            if found:
                return start, found.end()
    return _inner_token(text, start, end, rules)


def _inner_token(text: str, start: int, end: int, rules: _Rules) -> tuple[int, int] | None:
    """A token that is known by what it holds, or by the service that is named before it."""
    if end - start < 20:
        return None
    run = text[start : min(end, start + 400)].lower()
    for keyword, pattern in rules.inner:
        if keyword in run and end - start >= 36:
            found = rules.pattern(pattern).match(text, start)
            if found:
                return start, found.end()
    if text[start - 1 : start] not in ("=", ":", " ", '"', "'", ">", ",", "|", "`") or start == 0:
        return None
    before = text[max(0, start - 60) : start]
    bare = before.rstrip(" \"'`=:>,|")
    if len(before) == len(bare) or before[len(bare) :].isspace() or bare.endswith(_HASHED):
        return None
    lowered = before.lower()
    for keyword, pattern in rules.services:
        if keyword in lowered:
            found = rules.pattern(pattern).search(text, max(0, start - 60), end + 200)
            if found and found.start(1) == start:
                return start, found.end(1)
    return None


_HASHED = (*"0123456789", "head", "prev", "hash", "sha256", "digest", "commit", "release", "run", "id")
"""What stands before a number of ours: never a token."""


def _is_token_tail(tail: str, prefix: str) -> bool:
    has_digit = any(c.isdigit() for c in tail)
    if prefix in UNSAFE:
        return len(tail) >= 20 and has_digit and tail.lower() != tail
    return has_digit or (len(tail) >= 16 and tail.lower() != tail) or len(tail) >= 30
