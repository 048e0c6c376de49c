"""Import the log of the first, hand-made version into the record, as its first entries, in order, once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from qt_audit.reading.history import History
from qt_audit.record import journal
from qt_audit.record.compressed import open_archived
from qt_audit.record.entry import Draft, Entry, now
from qt_audit.record.place import LOG_NAME, Place
from qt_audit.record.reserved import IMPORT_SOURCE, RECORD_SOURCE
from qt_audit.settings.redaction import Redactor
from qt_audit.upkeep.first_version_log import Imported, details, entries

ADOPTED_LOG, _PENDING_LOG = f"{LOG_NAME}.before-adoption", f"{LOG_NAME}.being-adopted"
"""Names of the old log after its import and until then: its own place is needed for the log of the record."""
_CLOSING_ACTION = "Audit record: Adopted"
_BATCH, _BATCH_CHARACTERS = 1000, 1 << 22
"""So many entries are appended at once, or fewer if they are long."""
_MAX_LINE = 1 << 20
_GZIP = b"\x1f\x8b"


class AdoptionError(Exception):
    """A log cannot be adopted. The message says why, and what to do."""


@dataclass(frozen=True)
class Adoption:
    """What was imported. `already`: an earlier call imported it, and this call did nothing."""

    count: int
    files: tuple[str, ...]
    sha256: str
    already: bool = False


def default_files(place: Place) -> list[str]:
    """The old log, at its usual place or where an interrupted call has moved it; [] if there is none."""
    pending = f"{place.status_path}/{_PENDING_LOG}"
    if os.path.lexists(pending):
        return [pending]
    if History(place).first() is not None:  # then the log is that of the record
        return []
    return [place.log_path] if _has_lines(place.log_path) else []


def adopt(
    place: Place,
    files: Sequence[str],
    redactor: Redactor,
    user: str,
    timeout: float,
    progress: Callable[[int], None] = lambda count: None,
    on_imported: Callable[[str], None] = lambda present: None,
) -> Adoption:
    """Import these files, oldest first, into the record. Durable when this returns.

    After an interruption the next call goes on where this one stopped. A file at the log's own place is
    renamed to ADOPTED_LOG. `on_imported` is called with the present time after the last entry: the schedule
    of summaries begins then, not with the imported past. Raises AdoptionError, OSError.
    """
    digest = _digest(files)
    done, total = _imported_before(place, digest)
    if total is not None:
        return Adoption(total, _rename_to_final(place, files), digest, already=True)
    files = [_move_from_log_place(place, path) for path in files]
    name = os.path.basename(_final_path(files[0]))
    host = os.uname().nodename
    present = now()
    count, characters, batch = 0, 0, []
    with _lines(files) as lines:
        for entry in entries(lines, present):
            count += 1
            if count > done:
                batch.append(_draft(entry, name, redactor, host, user))
                characters += len(entry.action)
            if len(batch) == _BATCH or characters > _BATCH_CHARACTERS:
                journal.append(place, batch, timeout)
                batch.clear()
                characters = 0
                progress(count)
    if not count:
        raise AdoptionError(f"{files[0]} has no line; there is nothing to adopt")
    closing_details = {
        "imported_from": [os.path.basename(_final_path(path)) for path in files],
        "entries": count,
        "sha256": digest,
    }
    words = "1 entry" if count == 1 else f"{count} entries"
    closing = Draft(
        f"{_CLOSING_ACTION} {words} of the log before it",
        RECORD_SOURCE,
        "info",
        host,
        user,
        os.getpid(),
        None,
        closing_details,
    )
    journal.append(place, [*batch, closing], timeout)
    on_imported(present)
    return Adoption(count, _rename_to_final(place, files), digest)


def _draft(entry: Imported, file: str, redactor: Redactor, host: str, user: str) -> Draft:
    return Draft(
        redactor.text(entry.action), IMPORT_SOURCE, "info", host, user, os.getpid(), None,
        redactor.details(details(entry, file)), entry.ts,
    )  # fmt: skip


def _imported_before(place: Place, digest: str) -> tuple[int, int | None]:
    """How many entries were imported before; again that number if all of these files were imported."""
    written = 0
    for entry in History(place).window():
        if entry.source == IMPORT_SOURCE:
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
    return entry.source == RECORD_SOURCE and entry.action.startswith(_CLOSING_ACTION)


def _move_from_log_place(place: Place, path: str) -> str:
    """Move a file away from the log's place; its new path. Never replaces a log that was adopted before."""
    adopted, pending = f"{place.status_path}/{ADOPTED_LOG}", f"{place.status_path}/{_PENDING_LOG}"
    if os.path.realpath(path) != os.path.realpath(place.log_path):
        return path
    if os.path.lexists(adopted):
        raise AdoptionError(f"{adopted} is in the way: an earlier log is kept there; move it away")
    os.rename(path, pending)
    return pending


def _final_path(path: str) -> str:
    """The path of a file after its adoption."""
    return path.removesuffix(_PENDING_LOG) + ADOPTED_LOG if path.endswith(_PENDING_LOG) else path


def _rename_to_final(place: Place, files: Sequence[str]) -> tuple[str, ...]:
    pending = f"{place.status_path}/{_PENDING_LOG}"
    if pending in files and os.path.lexists(pending):
        os.rename(pending, _final_path(pending))
    return tuple(map(_final_path, files))


def _has_lines(path: str) -> bool:
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def _digest(files: Sequence[str]) -> str:
    """The SHA-256 of the uncompressed content of all files, one after the other."""
    digest = hashlib.sha256()
    for path in files:
        with _opened(path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


@contextmanager
def _lines(files: Sequence[str]) -> Iterator[Iterator[str]]:
    """The lines of all files; bytes that are not UTF-8 are escaped."""

    def read() -> Iterator[str]:
        for path in files:
            with _opened(path) as file:
                while line := file.readline(_MAX_LINE):
                    yield line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")

    yield read()


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if not os.path.isfile(path):
        raise AdoptionError(f"{path} is no file; name the log of the version before")
    with open(path, "rb") as file:
        if not path.endswith(".gz"):
            yield file
            return
        beginning = file.read(2)
        if beginning != _GZIP:
            raise AdoptionError(f"{path}: Not a gzipped file ({beginning!r})")
        with open_archived(os.dup(file.fileno()), path) as unpacked:
            yield unpacked
