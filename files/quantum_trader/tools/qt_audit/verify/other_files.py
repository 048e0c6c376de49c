"""What other files of an installation know of the record: summaries and messages, the log, the delivery.

Who removes the end of the record and the head with it leaves a whole chain behind. The heads in what was
filed and sent, the lines of the log and the delivery's place in the record still know of the later entries.
"""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from qt_audit.reading.positions import line_time
from qt_audit.record import segments
from qt_audit.record.archive_error import ArchiveError
from qt_audit.record.head import read_snapshot
from qt_audit.record.lines import candidate_lines, is_plain
from qt_audit.record.place import DIRECTORY_FLAGS, LOG_NAME, open_file
from qt_audit.verify.fault import ALTERED, MISSING, Fault
from qt_audit.verify.heads import AHEAD, HELD, ToldHead, judge

_DIRECTORIES = ("reports", "outbox")
_SUMMARY_HEAD = re.compile(r"(?m)^Head: seq (\d{1,20}), ([0-9a-f]{64})$")
_PAGE_HEAD = re.compile(r'<dt>Head</dt><dd>seq (\d{1,20}), <span class="hash">([0-9a-f]{64})</span>')
_CURSOR = "cursor.json"
_MOST_FILES = 400
_MOST_BYTES = 1 << 20
_MOST_LINES = 5000
"""So many of the last entries are looked for in the log."""


@dataclass(frozen=True)
class OtherFiles:
    """What the other files of an installation said of the record at one moment."""

    heads: Mapping[ToldHead, str]
    """Heads in summaries and messages, each with the name of a file that tells of it."""
    told: int
    """The last entry that was told by the delivery; 0 if that is unknown."""
    log: tuple[str, ...]
    """The times of the last lines of the log."""


def read_other_files(record: int) -> OtherFiles:
    """Read what other files know; to be called before the record is read, which must not be behind them.

    `record` is the record's directory. What cannot be read is left out.
    """
    try:
        status = os.open("..", DIRECTORY_FLAGS, dir_fd=record)
    except OSError:
        return OtherFiles({}, 0, ())
    try:
        heads: dict[ToldHead, str] = {}
        for name, text in _texts(status):
            for head in _heads_in(name, text):
                heads.setdefault(head, name)
        return OtherFiles(heads, _told(status), _log_times(status))
    finally:
        os.close(status)


def contradictions(known: OtherFiles, record: int, first_seq: int, last_seq: int) -> list[Fault]:
    """The faults of a record that is whole in itself, but is not what other files knew.

    `record` is its directory. Entries before `first_seq` are not looked at. Raises OSError.
    """
    found = list(_unheld_heads(known, record, first_seq, last_seq))
    if known.told > last_seq:
        text = f"entries up to {known.told} were told, but the record ends with entry {last_seq}"
        found.append(Fault(MISSING, f"outbox/{_CURSOR}", last_seq + 1, known.told, None, text))
    return [*found, *_unknown_log_lines(known, record, first_seq)]


def _unheld_heads(known: OtherFiles, record: int, first_seq: int, last_seq: int) -> Iterator[Fault]:
    """A fault that names the newest head that the record does not hold."""
    heads = [head for head in known.heads if head.seq >= first_seq]
    verdicts = judge(heads, record, first_seq, last_seq)
    bad = sorted((one for one in verdicts if one.state != HELD), key=lambda one: one.seq)
    for one in bad[-1:]:
        name = known.heads[ToldHead(one.seq, one.hash)]
        first, kind = (last_seq + 1, MISSING) if one.state == AHEAD else (one.seq, ALTERED)
        more = "" if len(bad) == 1 else f"; nor is the record what {len(bad) - 1} other heads say"
        text = f"it tells of the head {one.seq}:{one.hash}, but {one.text}{more}"
        yield Fault(kind, name, first, one.seq, None, text)


def _heads_in(name: str, text: str) -> Iterator[ToldHead]:
    """The head that a file of ours tells of, at its own place: an action may have any words in it."""
    if name.endswith(".json"):
        yield from _heads_in_json(text)
        return
    for found in (_SUMMARY_HEAD if name.endswith(".txt") else _PAGE_HEAD).finditer(text):
        yield ToldHead(int(found[1]), found[2])


def _heads_in_json(text: str) -> Iterator[ToldHead]:
    """The `head` of a message, or the `record` of a weekly validation; nothing where it is neither."""
    try:
        plain = json.loads(text)
        head = plain["record"] if "record" in plain else plain.get("message", plain)["head"]
        seq, digest = (head["seq"], head["hash"]) if isinstance(head, dict) else head
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return
    if type(seq) is int and seq > 0 and isinstance(digest, str):
        yield ToldHead(seq, digest)


def _texts(status: int) -> Iterator[tuple[str, str]]:
    """(name, content) of the newest files that may tell of heads."""
    for directory in _DIRECTORIES:
        try:
            descriptor = os.open(directory, DIRECTORY_FLAGS, dir_fd=status)
        except OSError:
            continue
        try:
            names = [name for name in os.listdir(descriptor) if name.endswith((".txt", ".json", ".html"))]
            for name in sorted(names, key=lambda name: _changed_at(name, descriptor))[-_MOST_FILES:]:
                yield f"{directory}/{name}", _content(name, descriptor)
        finally:
            os.close(descriptor)


def _changed_at(name: str, directory: int) -> int:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


def _content(name: str, directory: int) -> str:
    """The content of a regular file; "" if it cannot be read, or is larger than what we write."""
    try:
        descriptor, found = open_file(name, directory, os.O_RDONLY)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        return "" if found.st_size > _MOST_BYTES else file.read(_MOST_BYTES).decode("utf-8", "replace")


def _told(status: int) -> int:
    try:
        outbox = os.open("outbox", DIRECTORY_FLAGS, dir_fd=status)
    except OSError:
        return 0
    try:
        told = json.loads(_content(_CURSOR, outbox))["seq"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return 0
    finally:
        os.close(outbox)
    return told if isinstance(told, int) else 0


def _unknown_log_lines(known: OtherFiles, record: int, first_seq: int) -> Iterator[Fault]:
    """A fault if the log has lines of which the record has no entry."""
    times, since = _last_times(record, first_seq)
    unknown = [ts for ts in known.log if ts >= since and ts not in times]
    head = read_snapshot(record)
    if head is not None and head.seq > head.durable:  # written, but not acknowledged when the power failed
        unknown = unknown[: -(head.seq - head.durable)]
    if unknown:
        lines = "1 line" if len(unknown) == 1 else f"{len(unknown)} lines"
        text = f"{lines}, from [{unknown[0]}] to [{unknown[-1]}], of which the record has no entry"
        if not since and unknown[-1] < min(times, default="9"):
            text += "; if they are of a version before this record, move them out of the log"
        yield Fault(MISSING, LOG_NAME, None, None, None, text)


def _log_times(status: int) -> tuple[str, ...]:
    """The times of the lines in the last megabyte of the log."""
    try:
        descriptor, found = open_file(LOG_NAME, status, os.O_RDONLY)
    except OSError:
        return ()
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, found.st_size - _MOST_BYTES))
        lines = file.read(_MOST_BYTES).split(b"\n")[1 if found.st_size > _MOST_BYTES else 0 : -1]
    return tuple(
        line[1:28].decode("ascii", "replace") for line in lines if line[:1] == b"[" and line[28:29] == b"]"
    )


def _last_times(record: int, first_seq: int) -> tuple[set[str], str]:
    """The times of the last entries, and the time from which on they are all that there are."""
    times: list[str] = []
    names, whole = segments.names(record), True
    while whole and names and len(times) < _MOST_LINES:
        with suppress(FileNotFoundError, ArchiveError), segments.open_segment(names.pop(), record) as file:
            whole = not is_plain(file) or os.fstat(file.fileno()).st_size <= 8 * _MOST_BYTES
            lines = candidate_lines(file, last_bytes=8 * _MOST_BYTES)
            found = (ts for line in lines if (ts := line_time(line)) is not None)
            last = deque(found, maxlen=10 * _MOST_LINES)  # an archive may hold any number
            whole = whole and len(last) < 10 * _MOST_LINES
            times = [*last, *times]
    begins = first_seq == 1 and whole and not names  # then what the log has before them is unknown, too
    return set(times), "" if begins else times[0] if times else "9"
