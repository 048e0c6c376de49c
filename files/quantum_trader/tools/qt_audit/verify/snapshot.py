"""A record as it is at one moment, opened to be read: head and segments, whatever writers do next.

Creates and changes nothing.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from qt_audit.record import segments
from qt_audit.record.head import HEAD_NAME as HEAD
from qt_audit.record.head import Busy, Head, read_snapshot, wait_for_lock
from qt_audit.record.place import Place, open_file
from qt_audit.verify.fault import ALTERED, Fault, Faults
from qt_audit.verify.scan import Source, open_source

_NO_FILE_OF_OURS = (errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.ENXIO)


@dataclass(frozen=True)
class Snapshot:
    """A record at one moment. `sources` are in the order of their entries."""

    head: Head | None
    head_exists: bool
    sources: tuple[Source, ...]
    faults: tuple[Fault, ...]
    still: bool
    """Taken under the lock: no line of it is being written."""

    def close(self) -> None:
        for source in self.sources:
            source.close()


@contextmanager
def opened(place: Place) -> Iterator[int]:
    """A descriptor of the place's record directory, which is not created. Raises OSError."""
    try:
        record = place.open_existing()
    except OSError as error:
        raise _told(error, place) from None
    try:
        yield record
    except OSError as error:
        raise _told(error, place) from None
    finally:
        os.close(record)


def _told(error: OSError, place: Place) -> OSError:
    """The same error with the whole path, and for one of rights with what to do."""
    name = error.filename or ""
    if not isinstance(name, str) or error.errno is None:
        return error
    in_record = name == HEAD or ".jsonl" in name
    path = name if "/" in name else f"{place.record_path if in_record else place.status_path}/{name}"
    advice = ": run this as its owner or as root" if isinstance(error, PermissionError) else ""
    return type(error)(error.errno, f"{error.strerror}{advice}", path.rstrip("/"))


@contextmanager
def locked(record: int, timeout: float) -> Iterator[bool]:
    """Hold the record's lock, if it is to be had in time; whether it is held."""
    try:
        descriptor, _ = open_file(HEAD, record, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        held = False
        with suppress(Busy):
            wait_for_lock(descriptor, time.monotonic() + timeout)
            held = True
        yield held
    finally:
        os.close(descriptor)


def take(record: int, still: bool) -> Snapshot:
    """Open all segments. The head is read first: what it tells of is in them."""
    faults = Faults()
    try:
        head = read_snapshot(record)
        exists = HEAD in os.listdir(record)
    except OSError as error:
        head, exists = None, True
        _no_file_of_ours(error, HEAD, faults)
    sources = []
    for name in segments.names(record):
        try:
            sources.append(open_source(name, record))
        except FileNotFoundError:
            continue  # retention removed it a moment ago, and an entry tells
        except OSError as error:
            _no_file_of_ours(error, name, faults)
    return Snapshot(head, exists, tuple(sources), tuple(faults.found), still)


def _no_file_of_ours(error: OSError, name: str, faults: Faults) -> None:
    """A link, a directory or a device where a segment should be is a fault; anything else is raised."""
    if error.errno not in _NO_FILE_OF_OURS:
        raise error
    faults.add(ALTERED, name, None, "not a regular file")
