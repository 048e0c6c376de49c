"""Where entries go when they cannot be written at home, and how they are brought home.

A fallback place holds a record of its own, written by the same journal: chained, durable,
torn tails repaired. The next writer that can reaches it appends its entries to the record
at home, each marked with `details.brought_home`, and then empties it.
"""

from __future__ import annotations

import os

from qt_audit.record import segments
from qt_audit.record.entry import Draft, Entry, EntryError, chain_hash, encoded, parse
from qt_audit.record.head import NAME as HEAD
from qt_audit.record.head import Busy, Lock, empty
from qt_audit.record.journal import append
from qt_audit.record.place import Place
from qt_audit.record.warning import reason, warn
from qt_audit.record.writer_lock import Claim

MARK = "brought_home"
_BATCH = 500
_MAX_PATH = 300
"""Bytes of JSON that a mark may spend on the place's path."""


def waiting(place: Place) -> bool:
    """Whether this fallback place holds a record, or what is left of one."""
    try:
        return os.path.lexists(f"{place.record_path}/{HEAD}") or bool(segments.names(place.record_path))
    except OSError:
        return False


def bring_home(place: Place, home: Place, timeout: float) -> int:
    """Append the entries of a fallback place to the record at home, then remove them there.

    Each exactly once, also when this is interrupted and done again: an entry that home has
    already is known by the hash of its line. They are durable at home before they are removed.
    Returns how many were appended. Raises OSError if home cannot be written. What is wrong
    with the fallback place is a warning, and what is busy there is left for the next time.
    """
    try:
        status, record = place.open()
    except OSError as error:
        _warn(place, error)
        return 0
    try:
        lock = Lock(record, place.file_mode, 0.0)
    except Busy:
        return 0  # somebody else brings them home, or writes there
    except OSError as error:
        _warn(place, error)
        return 0
    else:
        try:
            with Claim(place.path):
                return _move(place, record, lock, home, timeout)
        finally:
            lock.unlock()
            lock.release()
    finally:
        os.close(record)
        os.close(status)


def _move(place: Place, record: int, lock: Lock, home: Place, timeout: float) -> int:
    try:
        names = segments.names(record)
        entries = [pair for name in names for pair in _entries(name, record)]
        known = _known(home, entries[0][0].ts) if entries else set()
    except Exception as error:  # a damaged archive raises what it likes; the entries are safe where they are
        _warn(place, error)
        return 0
    drafts = [_marked(entry, digest, place) for entry, digest in entries if digest not in known]
    for start in range(0, len(drafts), _BATCH):
        append(home, drafts[start : start + _BATCH], timeout)
    try:
        _remove(names, record, lock)
    except OSError as error:
        _warn(place, error)
    if drafts:
        count = "1 entry" if len(drafts) == 1 else f"{len(drafts)} entries"
        warn(f"brought {count} home from {place.path}", always=True)
    return len(drafts)


def _remove(names: list[str], record: int, lock: Lock) -> None:
    """Empty the place. Wherever this ends, what is left is the beginning of a record, and raises no alarm."""
    lock.write(empty())
    for name in reversed(names):
        os.unlink(name, dir_fd=record)
    os.unlink(HEAD, dir_fd=record)
    os.fsync(record)


def _warn(place: Place, error: Exception) -> None:
    warn(f"{place.record_path}: its entries cannot be brought home now ({reason(error)})")


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
    source = place.path if len(encoded(place.path)) <= _MAX_PATH else "…" + place.path[-_MAX_PATH // 6 + 2 :]
    mark = {"from": source, "seq": entry.seq, "ts": entry.ts, "sha256": digest}
    return Draft(
        entry.action,
        entry.source,
        entry.outcome,
        entry.host,
        entry.user,
        entry.pid,
        entry.run,
        {**entry.details, MARK: mark},
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
