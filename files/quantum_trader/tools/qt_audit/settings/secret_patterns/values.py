"""Where a value begins and ends: quoted at any depth of JSON in JSON, or plain with its `,;&` and quotes.

Each function scans what it returns once, so a hostile megabyte costs linear time.
"""

from __future__ import annotations

import re

from qt_audit.settings.secret_patterns.lazy import lazy

_LEAD = lazy(
    r"[ \t]{0,40}(?:[|>][+-]?[0-9]?[ \t]{0,9}(?=\r?\n))?(?:(?:\r?\n|(?:\\r)?\\n){1,2}[ "
    r"\t]{0,60}(?:-[ \t]{1,4})?)?"
)
_TEMPLATE = lazy(
    r"(?:\{\{[^{}]{0,80}\}\}|\$\{[^{}]{0,80}\}|\$\([^()]{0,80}\)|%\(\w{1,40}\)s|"
    r"<[^<>\s]{0,64}>)(?=[\s\"',;&)\]}]|\Z)"
)
_DONE = lazy(r"\\{0,31}[\"'`]?\[redacted\]")
_OPEN = lazy(
    r"(?:[bBuUrRfFnNeE@$]{0,2}|(?P<call>[A-Za-z_][\w.-]{0,40})\([ ]?)(?P<slashes>\\{0,31})(?P<quote>[\"'`])"
)
_READS = lazy(r"(?i)env|get|lookup|read|load|input|prompt|open|file|vault")
_CONTENT = {
    '"': lazy(r"[^\"\\]*(?:\\[\s\S][^\"\\]*)*"),
    "'": lazy(r"[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*"),
    "`": lazy(r"[^`]*"),
}
_PLAIN = lazy(
    r"(?:[^\s\"'&,;<\\]"
    r"|\\(?!\\{0,31}[\"'])"
    r"|[&,;](?![\s,;&]|\Z|(?:amp;)?[\w.\[\]%-]{1,60}\\{0,31}[\"']?\s?[=:]|\\{0,31}[\"'{\[])"
    r"|[\"'](?=[\w@#$!%^*+=~.-])"
    r"|<(?![/!A-Za-z]))+"
)
_TYPOGRAPHIC = {"“": "”", "„": "“", "«": "»", "‘": "’", "‚": "‘", "»": "«"}
_BRACKETS = {
    "(": lazy(r"\([ ]?[\"'][^()]{0,1000}\)?"),
    "[": lazy(r"\[[^\[\]]{0,4000}\]?"),
    "{": lazy(r"\{[^{}]{0,4000}\}?"),
}
_CLOSED_BY = {")": "(", "]": "[", "}": "{"}
_JOINED = lazy(r"[\w\"'$][^\s,;&)}\]]*|\\''[^\s,;&)}\]]*")
_STOP = (
    "for|was|is|has|had|failed|on|at|from|user|username|login|host|port|db|database|in|of|to|and|"
    "or|with|by|as|but|"
    "not|rejected|accepted|exit|after|then|when|the|via|because|while|until|expired|before|used|"
    "wrong|denied|into|"
    "does|did|must|will|again|since|please|ok"
)
_MORE_WORDS = lazy(
    rf"(?:[ ]{{1,2}}(?!(?:{_STOP})\b)(?![-|&>(#\[{{/])(?=[^\s=:/@\"'\\,;]{{1,60}}(?:[ .,;\n\r\"'\\]|\Z))"
    r"(?![^\s=:]{1,60}[ ]{0,2}[=:])[^\s=:/@\"'\\,;]{1,60})+"
)


class Value:
    """Where a value is: `start` and `end` of what is replaced, quotes excluded."""

    __slots__ = ("end", "is_group", "is_quoted", "start", "text")

    def __init__(self, text: str, start: int, end: int, is_quoted: bool, is_group: bool = False) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.is_quoted = is_quoted
        self.is_group = is_group
        """Whether it is a list or a mapping, brackets included."""


def value_at(text: str, position: int, with_lead: bool = True) -> Value | None:
    """The value that begins here, blanks, line breaks and marks of YAML skipped; None if there is none."""
    if with_lead:
        lead = _LEAD.match(text, position)
        position = lead.end() if lead else position
    if _DONE.match(text, position) or _TEMPLATE.match(text, position):
        return None
    opening = _OPEN.match(text, position)
    if opening is not None:
        return _quoted(text, opening)
    bracket = _BRACKETS.get(text[position : position + 1])
    if bracket is not None and text[position : position + 2] != "{{":
        found = bracket.match(text, position)
        if found is not None:
            return Value(found.group(), position, found.end(), False, True)
    closing = _TYPOGRAPHIC.get(text[position : position + 1])
    if closing is not None:
        end = text.find(closing, position + 1, position + 1000)
        if end > position + 1:
            return Value(text[position + 1 : end], position + 1, end, True)
    plain = _PLAIN.match(text, position)
    if plain is None:
        return None
    end = position + len(_without_end(plain.group()))
    return Value(text[position:end], position, end, False)


def _without_end(text: str) -> str:
    """The text without the marks of the sentence and the brackets that close what began before it."""
    kept = text
    while kept:
        last = kept[-1]
        opening = _CLOSED_BY.get(last)
        if last not in ".:!?>|" and (opening is None or kept.count(opening) >= kept.count(last)):
            return kept
        if len(text) - len(kept) > 20:
            break
        kept = kept[:-1]
    return text


def _quoted(text: str, opening: re.Match[str]) -> Value | None:
    quote, slashes, start = opening["quote"], len(opening["slashes"]), opening.end()
    if opening["call"] and _READS.search(opening["call"]):
        return None
    if slashes:
        closing = re.compile(rf"(?<!\\)\\{{{slashes}}}{quote}").search(text, start)
        end = closing.start() if closing else len(text)
        return Value(text[start:end], start, end, True) if end > start else None
    if text.startswith(quote * 2, start):  # three quotes
        end = text.find(quote * 3, start + 2)
        end = len(text) if end < 0 else end
        return Value(text[start + 2 : end], start + 2, end, True)
    content = _CONTENT[quote].match(text, start)
    assert content is not None
    end = content.end()
    joined = _JOINED.match(text, end + 1) if end > start else None
    if joined is not None:  # a shell joins 'a'"b"c to one word
        begin = start - 1 if opening["call"] else opening.start()
        return Value(text[start : joined.end()], begin, joined.end(), True)
    return Value(text[start:end], start, end, True) if end > start else None


_BRACKET = lazy(r"[\[\]{}()]")
_MAX_GROUP = 4000


def group_end(text: str, start: int) -> int:
    """Where the list or mapping that begins here ends, at most 4000 characters on; brackets are counted."""
    depth = 0
    for bracket in _BRACKET.finditer(text, start, start + _MAX_GROUP):
        depth += 1 if bracket.group() in "[{(" else -1
        if depth <= 0:
            return bracket.end()
    return min(len(text), start + _MAX_GROUP)


_LIST = lazy(r"(?:[,;][ ]?[^\s,;=:\"']{4,80}(?=[\s,;.]|\Z))+")
_WORDS = lazy(r"(?:[ ,]{1,2}[a-z]{2,12}){1,24}\b")


def values_after(text: str, end: int) -> int:
    """Where further values of a list end: `a, b, c`. A word of letters alone ends the list."""
    more = _LIST.match(text, end)
    if more is None or not any(c.isdigit() for c in more.group()):
        return end
    return more.end()


def seed_words_after(text: str, end: int) -> int:
    """Where the words of a seed phrase end."""
    more = _WORDS.match(text, end)
    return more.end() if more else end


def to_quote(text: str, end: int, quote: str) -> int:
    """Where a plain value ends that is in quotes with its name: `'password=a b'`. A next name ends it."""
    found = re.compile(rf"[^\n]{{0,400}}?(?={quote}|\s[\w.-]{{1,60}}\s?=)").match(text, end)
    return found.end() if found else end


def words_after(text: str, end: int) -> int:
    """Where further words of an unquoted passphrase end: before an option, a name, a link word."""
    more = _MORE_WORDS.match(text, end)
    return more.end() if more else end
