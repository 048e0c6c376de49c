"""Texts for any channel: clean, measure and split them, and write the closing line."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable

from qt_audit.delivery.message import Message

MIN_LATE_S = 300.0
"""Seconds of delay that a message does not mention."""
_JOINED_TO_PREVIOUS = frozenset("\u200d\ufe0e\ufe0f") | {chr(code) for code in range(0x1F3FB, 0x1F400)}
"""Joiner, variation selectors and skin tones belong to the character before them."""
_MAX_CLUSTER = 32
_MAX_WORD = 100
SIGNS = {"info": "🔵", "warning": "🟠", "critical": "🔴"}
RECOVERED_SIGN = "🟢"


def _escape_table() -> dict[int, str]:
    """Replaces characters that control a terminal or reverse a line by visible escapes."""
    steering = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    table = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in steering}
    table.update(dict.fromkeys(range(0xD800, 0xE000), "\ufffd"))
    table.update({0x0A: "\n", 0x09: "\t", 0x2028: "\n", 0x2029: "\n", 0xFEFF: ""})
    return table


_ESCAPES = _escape_table()


def clean(text: str) -> str:
    """The text with `\\n` at line ends, and without control, direction-changing or half characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_ESCAPES)


def one_line(text: str, limit: int) -> str:
    """The text on one line of at most `limit` UTF-16 units; never empty."""
    return shortened(" ".join(clean(text).split()) or "–", limit)


def units(text: str) -> int:
    """Its length in UTF-16 units. No receiver counts more."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shortened(text: str, limit: int, measure: Callable[[str], int] = units) -> str:
    """The text, cut if necessary so that it measures at most `limit` with `…` at its end."""
    if measure(text) <= limit:
        return text
    return text[: _fits(text, limit - 1, measure)].rstrip() + "…"


def split(
    text: str, limit: int, measure: Callable[[str], int] = units, first: int | None = None, most: int = 10
) -> list[str]:
    """The text in parts that measure at most `limit` (the first part: `first`).

    It is cut at line ends, else at blanks; only the white space at a cut is removed. There are 1 to `most`
    parts. If the text is longer, the last part says how much was left out.
    """
    parts: list[str] = []
    while True:
        room = limit if parts or first is None else first
        if measure(text) <= room:
            return [*parts, text]
        if len(parts) == most - 1:
            return [*parts, _last(text, room, measure)]
        end = _cut(text, _fits(text, room, measure))
        parts.append(text[:end].rstrip())
        text = text[end:].removeprefix("\n")


def _last(text: str, room: int, measure: Callable[[str], int]) -> str:
    note = "\n… {} more characters; the record has all of it"
    end = _cut(text, _fits(text, room - measure(note) - 20, measure))
    return text[:end].rstrip() + note.format(len(text) - end)


def _fits(text: str, limit: int, measure: Callable[[str], int]) -> int:
    """The number of first characters that measure at most `limit`.

    It is at least one, and no character is separated from the marks that modify it.
    """
    low, high = 1, max(1, min(len(text), limit))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= limit else (low, middle - 1)
    end = low
    for _ in range(_MAX_CLUSTER):
        if end >= len(text) or end <= 1 or not _joined(text, end):
            return end
        end -= 1
    return low  # more marks on one character than any text needs


def _joined(text: str, at: int) -> bool:
    """Whether a cut at this place would split one visible character."""
    return text[at] in _JOINED_TO_PREVIOUS or text[at - 1] == "\u200d" or unicodedata.combining(text[at]) != 0


def _cut(text: str, end: int) -> int:
    """The best place to cut at or before `end`: a line end, else a blank, else `end`."""
    if text[end : end + 1] in ("\n", ""):
        return end
    for mark, skip in (("\n", 0), (" ", 1)):
        at = text.rfind(mark, end // 2, end)
        if at > 0:
            return at + skip
    return end


def sign(message: Message) -> str:
    """A coloured dot for receivers without colours. It is green for a recovery."""
    return RECOVERED_SIGN if message.kind == "recovery" else SIGNS.get(message.severity, SIGNS["info"])


def foot(message: Message, late_s: float, part: int = 1, parts: int = 1) -> str:
    """The closing line: delay, part, host, id, and the chain's head."""
    facts = [late(late_s), f"part {part} of {parts}" if parts > 1 else "", one_line(message.host, 100)]
    facts.append(f"id {one_line(message.id, 100)}")
    if message.head is not None:
        facts.append(f"head {message.head[0]} {one_line(message.head[1], 64)}")
    return " · ".join(fact for fact in facts if fact)


def late(seconds: float) -> str:
    """A text such as `delivered 3 h late`; empty for a delay up to MIN_LATE_S."""
    if not seconds > MIN_LATE_S:
        return ""
    for size, unit in ((86400, "d"), (3600, "h")):
        if seconds >= 2 * size:
            return f"delivered {seconds / size:.0f} {unit} late"
    return f"delivered {seconds / 60:.0f} min late"


def header_word(text: str) -> str:
    """An id as one short word for a header. Letters, digits, `.`, `-` and `_` stay, others become hex.

    A long id keeps its beginning and gets a hash of the whole. Two ids never become the same word.
    """
    word = "".join(
        char if char.isascii() and (char.isalnum() or char in "._-") else f"={ord(char):x}=" for char in text
    )
    if 0 < len(word) <= _MAX_WORD:
        return word
    return f"{word[:40]}=={hashlib.sha256(word.encode()).hexdigest()[:40]}"
