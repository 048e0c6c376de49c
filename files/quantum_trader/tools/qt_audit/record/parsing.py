"""Read an entry back from its line. This decides for `verify` and for every reader what an entry is."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from qt_audit.record.entry import MAX_LINE, MAX_SEQ_DIGITS, OUTCOMES, Entry, EntryError, encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_SEQ = 2**63 - 1
MAX_DEPTH = 20
"""Lists and objects of the details are nested at most so deep."""

DAY_PATTERN = (
    r"(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)"
)
"""A date of the calendar, except for the 29th of February."""
TIME_PATTERN = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
CHARACTERS = r"[ !#-\[\]-~]*"
"""Characters that a writer does not escape."""
ESCAPE = (
    r'\\(?:["\\bfnrt]|u(?:00(?:0[0-7bef]|1[0-9a-f]|7f|[89a-f][0-9a-f])'
    r"|0[1-9a-f][0-9a-f]{2}|[1-9a-f][0-9a-f]{3}))"
)
"""How a writer escapes a character, or half of one that is outside the basic plane."""
_TEXT = rf'"({CHARACTERS}(?:{ESCAPE}{CHARACTERS})*)"'
_FIELDS = (
    rf'\{{"seq":([1-9][0-9]{{0,18}}),"ts":"((?:{DAY_PATTERN}|[0-9]{{4}}-02-29){TIME_PATTERN})",'
    rf'"action":{_TEXT},"source":{_TEXT},"outcome":"({"|".join(OUTCOMES)})","host":{_TEXT},"user":{_TEXT},'
    rf'"pid":(0|[1-9][0-9]{{0,9}}),"run":(?:null|{_TEXT}),"details":(\{{.*\}}),"prev":"([0-9a-f]{{64}})"\}}\n?'
)
_BRACKETS = r'"(?:[^"\\]|\\.)*"|[\[\]{}]'
_pattern: re.Pattern[str] | None = None
"""_FIELDS compiled at the first use: writers hardly ever need it."""
_DIGITS = bytes.maketrans(b"23456789", b"1" * 8)
_DEPENDS_ON_DIGITS = r"\\|[0-9.]{16}|[0-9][eE]"
"""Escapes, numbers that may have more digits than a float keeps, and exponents."""


def parse(line: bytes, with_details: bool = True) -> Entry:
    """The entry that a line of the record holds, with or without its newline.

    A line is an entry if it is, byte for byte, what a writer writes of its fields: keys in their order, none
    twice, types and digits as the contract says, no blank, at most MAX_LINE bytes. This decides for `verify`
    and for every reader. Without `with_details` the entry's details are checked, but stay empty.

    Raises EntryError if the line is not an entry.
    """
    if len(line) - line.endswith(b"\n") >= MAX_LINE:
        raise EntryError("not an entry: the line is too long")
    try:
        match = _compiled().fullmatch(line.decode("ascii"))
    except UnicodeDecodeError:
        match = None
    if match is None:
        raise EntryError("not an entry: a key is missing, out of order, or has a value of the wrong form")
    seq, ts, action, source, outcome, host, user, pid, run, details, prev = match.groups()
    number = int(seq)
    if number > MAX_SEQ or (ts[5:10] == "02-29" and not _is_leap_year(int(ts[:4]))):
        raise EntryError("not an entry: `seq` or `ts` is out of range")
    if b"\\" in line:
        action, source, host, user = map(_unescaped, (action, source, host, user))
        run = None if run is None else _unescaped(run)
    found: dict[str, Any] = {}
    if details != "{}":
        if not is_valid_shape(shape(details.encode("ascii"))):
            found = parse_details(details)
        elif with_details:
            found, _ = _read(details)
    return Entry(
        number, ts, action, source, outcome, host, user, int(pid), run, found if with_details else {}, prev
    )


def parse_or_none(line: bytes) -> Entry | None:
    """The entry that a line holds, with or without its newline; None if the line is not an entry."""
    try:
        return parse(line)
    except EntryError:
        return None


def is_entry(line: bytes) -> bool:
    """Whether the line, with or without its newline, is an entry."""
    try:
        parse(line, with_details=False)
    except EntryError:
        return False
    return True


def parse_details(text: str) -> dict[str, Any]:
    """The details that an entry's line holds as this text. Raises EntryError if no writer writes it so."""
    if text == "{}":
        return {}
    if _depth(text) > MAX_DEPTH:
        raise EntryError("not an entry: the details are nested too deep")
    try:
        details = _decode(text)
        written = encoded(details)
    except (ValueError, RecursionError) as error:
        raise EntryError(f"not an entry: its details are no JSON ({type(error).__name__})") from None
    if type(details) is not dict or written != text:
        raise EntryError("not an entry: its details are not as a writer writes them")
    return details


def shape(details: bytes) -> bytes:
    """Details with every digit but 0 as 1: what most entries of one kind have in common."""
    return details.translate(_DIGITS)


@lru_cache(4096)
def is_valid_shape(its: bytes) -> bool:
    """Whether all details of this shape are valid; False also if that depends on their digits."""
    try:
        text = its.decode("ascii")
        if re.search(_DEPENDS_ON_DIGITS, text):
            return False
        parse_details(text)
    except (EntryError, UnicodeDecodeError):
        return False
    return True


def _compiled() -> re.Pattern[str]:
    global _pattern
    if _pattern is None:
        _pattern = re.compile(_FIELDS)
    return _pattern


def _is_leap_year(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _unescaped(text: str) -> str:
    """The text that the inside of a JSON string stands for."""
    return str(_decode(f'"{text}"')) if "\\" in text else text


def _depth(text: str) -> int:
    """How deep the brackets of a JSON text are nested; not more than their number, which is counted first."""
    most = text.count("{") + text.count("[")
    if most <= MAX_DEPTH:
        return most
    depth = deepest = 0
    for found in re.findall(_BRACKETS, text):
        if len(found) == 1:
            depth += 1 if found in "{[" else -1
            deepest = max(deepest, depth)
    return deepest


def _bounded_integer(text: str) -> int:
    if len(text) > MAX_SEQ_DIGITS:
        raise ValueError("too many digits")
    return int(text)


_read = json.JSONDecoder().raw_decode
_decode = json.JSONDecoder(parse_int=_bounded_integer).decode
