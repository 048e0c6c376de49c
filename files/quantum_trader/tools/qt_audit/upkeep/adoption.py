"""Takes the log of the first, hand-made version into the record: as its first entries, in order, once."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from qt_audit.reading.history import History
from qt_audit.record import journal
from qt_audit.record.entry import Draft, Entry, now
from qt_audit.record.place import LOG_NAME, Place
from qt_audit.settings.redaction import Redactor
from qt_audit.upkeep.first_version_log import SOURCE, Imported, details, entries

KEPT, _UNDER_WAY = f"{LOG_NAME}.before-adoption", f"{LOG_NAME}.being-adopted"
"""What the old log is kept as, for its place is that of the view of the record; and until that is done."""
_DONE = "Audit record: Adopted"
_BATCH = 1000
_LONGEST_LINE = 1 << 20


class AdoptionError(Exception):
    """It cannot be adopted; the message says why, and what to do."""


@dataclass(frozen=True)
class Adopted:
    """What was taken into the record. `already`: an earlier call did it, and this one nothing."""

    count: int
    files: tuple[str, ...]
    sha256: str
    already: bool = False


def default_files(place: Place) -> list[str]:
    """The old log at its usual place, or where a call that was cut off has put it; none where none is."""
    under_way = f"{place.status_path}/{_UNDER_WAY}"
    if os.path.lexists(under_way):
        return [under_way]
    if History(place).first() is not None:  # then what is there is the view of the record
        return []
    return [place.log_path] if _has_lines(place.log_path) else []


def adopt(
    place: Place,
    files: Sequence[str],
    redactor: Redactor,
    user: str,
    timeout: float,
    progress: Callable[[int], None] = lambda count: None,
    adopted: Callable[[str], None] = lambda present: None,
) -> Adopted:
    """Take these files, oldest first, into the record. Durable when it returns; cut off, it goes on later.

    Raises AdoptionError, OSError. A file at the log's own place ends as KEPT. `adopted` is told the
    present once all entries are there: the schedule begins with it, not with the imported past.
    """
    digest = _digest(files)
    done, there = _there(place, digest)
    if there is not None:
        return Adopted(there, _kept(place, files), digest, already=True)
    files = [_aside(place, path) for path in files]
    name = os.path.basename(_later(files[0]))
    host = os.uname().nodename
    present = now()
    count, batch = 0, []
    with _lines(files) as lines:
        for entry in entries(lines, present):
            count += 1
            if count > done:
                batch.append(_draft(entry, name, redactor, host, user))
            if len(batch) == _BATCH:
                journal.append(place, batch, timeout)
                batch.clear()
                progress(count)
    if not count:
        raise AdoptionError(f"{files[0]} has no line; there is nothing to adopt")
    plain = {
        "imported_from": [os.path.basename(_later(path)) for path in files],
        "entries": count,
        "sha256": digest,
    }
    words = "1 entry" if count == 1 else f"{count} entries"
    closing = Draft(
        f"{_DONE} {words} of the log before it", "audit_record", "info", host, user, os.getpid(), None, plain
    )
    journal.append(place, [*batch, closing], timeout)
    adopted(present)
    return Adopted(count, _kept(place, files), digest)


def _draft(entry: Imported, file: str, redactor: Redactor, host: str, user: str) -> Draft:
    return Draft(
        redactor.text(entry.action), SOURCE, "info", host, user, os.getpid(), None,
        redactor.details(details(entry, file)), entry.ts,
    )  # fmt: skip


def _there(place: Place, digest: str) -> tuple[int, int | None]:
    """How many entries are imported already; and the same once more if that was all of these files."""
    written = 0
    for entry in History(place).window():
        if entry.source == SOURCE:
            written += 1
        elif _is_closing(entry):
            if entry.details.get("sha256") == digest:
                return written, written
            raise AdoptionError(
                f"entry {entry.seq} says that another log was adopted before; it can be done once"
            )
        else:
            raise AdoptionError(
                f"the record has entries of its own (the first is {entry.seq}, of {entry.ts}):"
                " what is older can only be adopted before them"
            )
    return written, None


def _is_closing(entry: Entry) -> bool:
    return entry.source == "audit_record" and entry.action.startswith(_DONE)


def _aside(place: Place, path: str) -> str:
    """Make room for the view of the record; what is kept under the last name already is never replaced."""
    kept, under_way = f"{place.status_path}/{KEPT}", f"{place.status_path}/{_UNDER_WAY}"
    if os.path.realpath(path) != os.path.realpath(place.log_path):
        return path
    if os.path.lexists(kept):
        raise AdoptionError(f"{kept} is in the way: an earlier log is kept there; move it away")
    os.rename(path, under_way)
    return under_way


def _later(path: str) -> str:
    """What a file is called once it is adopted."""
    return path.removesuffix(_UNDER_WAY) + KEPT if path.endswith(_UNDER_WAY) else path


def _kept(place: Place, files: Sequence[str]) -> tuple[str, ...]:
    under_way = f"{place.status_path}/{_UNDER_WAY}"
    if under_way in files and os.path.lexists(under_way):
        os.rename(under_way, _later(under_way))
    return tuple(map(_later, files))


def _has_lines(path: str) -> bool:
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def _digest(files: Sequence[str]) -> str:
    """The SHA-256 of what they hold, one after the other, uncompressed."""
    digest = hashlib.sha256()
    for path in files:
        with _opened(path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


@contextmanager
def _lines(files: Sequence[str]) -> Iterator[Iterator[str]]:
    """The lines of all files, whatever bytes they hold."""

    def read() -> Iterator[str]:
        for path in files:
            with _opened(path) as file:
                while line := file.readline(_LONGEST_LINE):
                    yield line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")

    yield read()


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if not os.path.isfile(path):
        raise AdoptionError(f"{path} is no file; name the log of the version before")
    with open(path, "rb") as file:
        if not path.endswith(".gz"):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield unpacked
