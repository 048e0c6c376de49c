"""Move entries from a fallback place to the record at home.

A fallback place holds a record of its own, written by the same journal: chained, durable, torn tails
repaired. The next writer that can write at home appends its entries there, each with
`details.brought_home`, which says where it comes from, and then empties the fallback place. What is the
record's own (`reserved`) is only claimed there: the account can write a fallback place as it likes.
"""

from __future__ import annotations

import os

from qt_audit.record import segments
from qt_audit.record.entry import Draft, Entry, EntryError, chain_hash, encoded, now
from qt_audit.record.head import HEAD_NAME, Busy, Lock, empty, read_snapshot
from qt_audit.record.journal import append
from qt_audit.record.lines import candidate_lines
from qt_audit.record.parsing import parse
from qt_audit.record.place import Place
from qt_audit.record.reserved import claimed_source, given_details
from qt_audit.record.warning import reason, warn
from qt_audit.record.writer_lock import PlaceInUse

ORIGIN_KEY = "brought_home"
"""The key of an entry's details that says in which fallback place it was written first."""
_BATCH = 500
_MAX_ORIGIN_PATH = 300
"""Longest path of the place under ORIGIN_KEY, in bytes of JSON."""


def has_entries(place: Place) -> bool:
    """Whether this fallback place holds a record, or the remains of one."""
    try:
        return os.path.lexists(f"{place.record_path}/{HEAD_NAME}") or bool(segments.names(place.record_path))
    except OSError:
        return False


def move_to_home(place: Place, home: Place, timeout: float) -> int:
    """Append the entries of a fallback place to the record at home, then remove them from the fallback place.

    Each entry is appended exactly once, also when this is interrupted and done again: the hash of its line
    shows that home has it already. Entries are durable at home before they are removed. Returns how many
    were appended. Raises OSError if home cannot be written. A fault of the fallback place is a warning;
    if the place is locked, it is left for the next time.
    """
    try:
        status, record = place.open()
    except OSError as error:
        _warn_not_moved(place, error)
        return 0
    try:
        lock = Lock(record, place.file_mode, 0.0)
    except Busy:
        return 0  # another process moves them, or writes there
    except OSError as error:
        _warn_not_moved(place, error)
        return 0
    else:
        try:
            with PlaceInUse(place.path):
                return _move_locked(place, record, lock, home, timeout)
        finally:
            lock.unlock()
            lock.release()
    finally:
        os.close(record)
        os.close(status)


def _move_locked(place: Place, record: int, lock: Lock, home: Place, timeout: float) -> int:
    try:
        names = segments.names(record)
        entries = [pair for name in names for pair in _entries(name, record)]
        at_home = _hashes_at_home(home, min(entry.ts for entry, _ in entries)) if entries else set()
    except Exception as error:  # a damaged archive may raise anything; the entries stay where they are
        _warn_not_moved(place, error)
        return 0
    drafts = [_draft_with_origin(entry, digest, place) for entry, digest in entries if digest not in at_home]
    if drafts and _is_ahead(home):
        drafts[0].ts = None  # the present: with it the record goes back to the clock's time
    for start in range(0, len(drafts), _BATCH):
        append(home, drafts[start : start + _BATCH], timeout)
    try:
        _empty_place(names, record, lock)
    except OSError as error:
        _warn_not_moved(place, error)
    if drafts:
        count = "1 entry" if len(drafts) == 1 else f"{len(drafts)} entries"
        warn(f"brought {count} home from {place.path}", always=True)
    return len(drafts)


def _empty_place(names: list[str], record: int, lock: Lock) -> None:
    """Empty the place. If this is cut short, the start of a valid record is left, which is no fault."""
    lock.write(empty())
    for name in reversed(names):
        os.unlink(name, dir_fd=record)
    os.unlink(HEAD_NAME, dir_fd=record)
    os.fsync(record)


def _warn_not_moved(place: Place, error: Exception) -> None:
    warn(f"{place.record_path}: its entries cannot be brought home now ({reason(error)})")


def _entries(name: str, record: int) -> list[tuple[Entry, str]]:
    found = []
    with segments.open_segment(name, record) as file:
        for line in candidate_lines(file):
            try:
                found.append((parse(line), chain_hash(line)))
            except EntryError:
                continue  # a torn tail: never acknowledged
    return found


def _draft_with_origin(entry: Entry, digest: str, place: Place) -> Draft:
    """The entry to write at home. It was parsed strictly: no field can end another one of the new line."""
    path = place.path
    if len(encoded(path)) > _MAX_ORIGIN_PATH:
        path = "…" + path[-_MAX_ORIGIN_PATH // 6 + 2 :]
    origin = {"from": path, "seq": entry.seq, "ts": entry.ts, "sha256": digest}
    return Draft(
        entry.action,
        claimed_source(entry.source),
        entry.outcome,
        entry.host,
        entry.user,
        entry.pid,
        entry.run,
        {**given_details(entry.details), ORIGIN_KEY: origin},
        ts=min(entry.ts, now()),  # the clock may have been ahead when it was written
    )


def _is_ahead(home: Place) -> bool:
    """Whether the clock was ahead when the record at home was written."""
    status, record = home.open()
    try:
        head = read_snapshot(record)
    finally:
        os.close(record)
        os.close(status)
    return head is not None and head.ts > now()


def _hashes_at_home(home: Place, since: str) -> set[str]:
    """Hashes of the lines that an interrupted attempt moved home already."""
    status, record = home.open()
    try:
        found = set()
        names, first = segments.names(record), min(since, now())[:7]
        clock_went_back = any(map(segments.is_numbered, names))
        for name in names:
            if clock_went_back or name[:7] >= first:
                with segments.open_segment(name, record) as file:
                    for line in candidate_lines(file):
                        if b'"brought_home":{' in line:
                            found.add(_origin_hash(line))
        return found
    finally:
        os.close(record)
        os.close(status)


def _origin_hash(line: bytes) -> str:
    try:
        origin = parse(line).details.get(ORIGIN_KEY)
    except EntryError:
        return ""
    return str(origin.get("sha256")) if isinstance(origin, dict) else ""
