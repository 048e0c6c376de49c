"""Where entries go when they cannot be written at home, and how they are brought home.

A fallback place holds a record of its own, written by the same journal: chained, durable,
torn tails repaired. The next writer that can reaches it appends its entries to the record
at home, each marked with `details.brought_home`, and then empties it.
"""

from __future__ import annotations

import os
import time

from qt_audit import segments
from qt_audit.entry import Draft, Entry, EntryError, chain_hash, parse
from qt_audit.head import NAME as HEAD
from qt_audit.head import Lock
from qt_audit.journal import append
from qt_audit.notice import warn
from qt_audit.place import Place

MARK = "brought_home"
_BATCH = 500


def waiting(place: Place) -> bool:
    """Whether this fallback place holds a record."""
    try:
        os.stat(f"{place.record_path}/{HEAD}", follow_symlinks=False)
    except OSError:
        return False
    return True


def bring_home(place: Place, home: Place, timeout: float) -> int:
    """Append the entries of a fallback place to the record at home, then remove them there.

    Each exactly once, also when this is interrupted and done again: an entry that home has
    already is known by the hash of its line. They are durable at home before they are removed.
    Returns how many were appended. Raises OSError if either place cannot be used.
    """
    status, record = place.open()
    try:
        lock = Lock(record, place.file_mode, time.monotonic() + timeout)
        try:
            return _move(place, record, home, timeout)
        finally:
            lock.release()
    finally:
        os.close(record)
        os.close(status)


def _move(place: Place, record: int, home: Place, timeout: float) -> int:
    names = segments.names(record)
    entries = [pair for name in names for pair in _entries(name, record)]
    known = _known(home, entries[0][0].ts) if entries else set()
    drafts = [_marked(entry, digest, place) for entry, digest in entries if digest not in known]
    for start in range(0, len(drafts), _BATCH):
        append(home, drafts[start : start + _BATCH], timeout)
    for name in names:
        os.unlink(name, dir_fd=record)
    os.unlink(HEAD, dir_fd=record)
    os.fsync(record)
    if drafts:
        count = "1 entry" if len(drafts) == 1 else f"{len(drafts)} entries"
        warn(f"brought {count} home from {place.path}")
    return len(drafts)


def _entries(name: str, record: int) -> list[tuple[Entry, str]]:
    found = []
    with segments.open_segment(name, record) as file:
        for line in file:
            try:
                found.append((parse(line), chain_hash(line)))
            except EntryError:
                continue  # a torn tail: never acknowledged
    return found


def _marked(entry: Entry, digest: str, place: Place) -> Draft:
    mark = {"from": place.path, "seq": entry.seq, "ts": entry.ts, "sha256": digest}
    return Draft(
        entry.action,
        entry.source,
        entry.outcome,
        entry.host,
        entry.user,
        entry.pid,
        entry.run,
        {MARK: mark, **entry.details},
        ts=entry.ts,
    )


def _known(home: Place, since: str) -> set[str]:
    """Hashes of the lines that an interrupted attempt brought home already."""
    status, record = home.open()
    try:
        found = set()
        for name in segments.names(record):
            if name >= f"{since[:7]}.jsonl":
                with segments.open_segment(name, record) as file:
                    for line in file:
                        if b'"brought_home":{' in line:
                            found.add(_mark_of(line))
        return found
    finally:
        os.close(record)
        os.close(status)


def _mark_of(line: bytes) -> str:
    try:
        mark = parse(line).details.get(MARK)
    except EntryError:
        return ""
    return str(mark.get("sha256")) if isinstance(mark, dict) else ""
