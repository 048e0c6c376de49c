"""Hold the record against heads that were told before: in a mail, a page, a chat, a report.

A head is the number of an entry and the SHA-256 of its line. Who kept it can say later whether the record
still has that line, and so whether anything before it was changed.
"""

from __future__ import annotations

import base64
import html
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256

from qt_audit.record import segments
from qt_audit.record.compressed import DamagedError
from qt_audit.record.entry import MAX_LINE
from qt_audit.verify.scan import open_segment_file

HELD, CHANGED, GONE, AHEAD = "held", "altered", "missing", "ahead"
_LABELLED = re.compile(
    r"(?<![0-9A-Za-z_])(?:seq|head|entry)[^0-9A-Za-z]{1,12}(\d{1,20})"
    r"[^0-9A-Za-z]{1,40}(?:(?:sha256|hash)[^0-9A-Za-z]{1,12})?([0-9a-f]{64})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_PAIR = re.compile(r"(?<![0-9A-Za-z])(\d{1,20}):([0-9a-f]{64})(?![0-9A-Za-z])")
_TAG, _ESCAPE = re.compile(r"<[^<>]{0,500}>"), re.compile(r"\\+(?:[nrt]|(?=\"))")
_HASH, _MARKUP = re.compile(r"[0-9A-Fa-f]{64}"), re.compile(r"[<&\\]")
_LONGEST_LEAD = 1000
"""Characters before a hash in which its number stands, with tags between them."""
_SOFT_BREAK = re.compile(r"=\r?\n")
_BASE64 = re.compile(r"(?m)(?:^[A-Za-z0-9+/]{60,76}\r?\n)+(?:^[A-Za-z0-9+/]{1,76}={0,2}\r?$)?")
_BEGIN = b'{"seq":'


@dataclass(frozen=True)
class ToldHead:
    """A head as somebody was told it."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True)
class Verdict:
    """What became of a head: HELD, CHANGED (another line has its number), GONE or AHEAD of the record."""

    seq: int
    hash: str
    state: str
    text: str

    def as_dict(self) -> dict[str, int | str]:
        return asdict(self)


def parse_head(text: str) -> ToldHead:
    """A head written as SEQ:HASH. Raises ValueError."""
    found = _PAIR.fullmatch(text.strip().lower())
    if found is None or not int(found[1]):
        raise ValueError("write it as SEQ:HASH, the number of an entry and 64 hexadecimal digits")
    return ToldHead(int(found[1]), found[2])


def find_heads(text: str) -> list[ToldHead]:
    """All heads in a text, each once, in their order: in any form in which our programs write them.

    Takes plain text, JSON, HTML, Markdown, and a mail as it was sent, whatever its encoding is.
    """
    found: dict[ToldHead, None] = {}
    for form in filter(_HASH.search, _readings(text)):
        plain = _plain(form) if _MARKUP.search(form) else form
        matches = sorted(
            [*_LABELLED.finditer(plain), *_PAIR.finditer(plain)], key=lambda match: match.start()
        )
        for match in matches:
            if int(match[1]):
                found.setdefault(ToldHead(int(match[1]), match[2].lower()))
    return list(found)


def _plain(text: str) -> str:
    """The text without tags, entities and escapes. What stands far before any hash is left out."""
    pieces, begin = [], 0
    for found in _HASH.finditer(text):
        pieces.append(text[max(begin, found.start() - _LONGEST_LEAD) : found.end() + 1])
        begin = found.end()
    return _ESCAPE.sub(" ", html.unescape(_TAG.sub(" ", "\n".join(pieces))))


def _readings(text: str) -> Iterator[str]:
    """The text as it is; without the line breaks of a mail's encoding; and what a mail holds in base64."""
    yield text
    if _SOFT_BREAK.search(text):
        yield _SOFT_BREAK.sub("", text)
    for block in _BASE64.finditer(text):
        packed = re.sub(r"\s", "", block[0])
        with suppress(ValueError):
            yield base64.b64decode(packed + "=" * (-len(packed) % 4)).decode("utf-8", "replace")


def judge(heads: Iterable[ToldHead], record: int, first_seq: int, last_seq: int) -> list[Verdict]:
    """What became of each head. `record` is the directory of entries `first_seq` to `last_seq`.

    Reads the record once. Raises OSError if it cannot be read.
    """
    heads = list(heads)
    there = _hashes({head.seq for head in heads if first_seq <= head.seq <= last_seq}, record)
    return [_verdict(head, there.get(head.seq, set()), first_seq, last_seq) for head in heads]


def _verdict(head: ToldHead, hashes: set[str], first_seq: int, last_seq: int) -> Verdict:
    if head.hash in hashes:
        state, text = HELD, "the record has this line"
    elif head.seq > last_seq:
        state, text = AHEAD, f"the record ends with entry {last_seq}: what came later is gone"
    elif hashes:
        state, text = CHANGED, f"the line of entry {head.seq} has the hash {sorted(hashes)[0]}"
    elif head.seq < first_seq:
        state, text = GONE, f"the record begins with entry {first_seq}"
    else:
        state, text = GONE, "the record has no such entry"
    return Verdict(head.seq, head.hash, state, text)


def _hashes(wanted: set[int], record: int) -> dict[int, set[str]]:
    """The hashes of the lines with these numbers."""
    found: dict[int, set[str]] = {}
    numbers = sorted(wanted)
    for name in segments.names(record) if wanted else []:
        try:
            source = open_segment_file(name, record)
        except FileNotFoundError:
            continue  # retention removed it a moment ago
        try:
            for line in _lines_near(numbers, source.blocks()):
                seq = _number(line)
                if seq in wanted:
                    found.setdefault(seq, set()).add(sha256(line).hexdigest())
        except DamagedError:
            continue  # `verify` names it
        finally:
            source.close()
    return found


def _lines_near(numbers: Sequence[int], blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of those blocks that can hold one of these ascending numbers."""
    rest = b""
    for block in blocks:
        text = rest + block
        end = text.rfind(b"\n") + 1
        rest = text[end:] if len(text) - end <= MAX_LINE else b""
        if not end:
            continue
        last = text.rfind(b"\n", 0, end - 1) + 1
        low, high = _number(text[:32]), _number(text[last : last + 32])
        at = bisect_left(numbers, low)
        if 0 < low <= high and (at == len(numbers) or numbers[at] > high):
            continue
        yield from text[:end].split(b"\n")


def _number(line: bytes) -> int:
    """The number at the begin of an entry's line; 0 if there is none."""
    digits = line[len(_BEGIN) : line.find(b",", 0, 32)] if line.startswith(_BEGIN) else b""
    return int(digits) if digits.isdigit() else 0
