"""A record as it was at one moment: its head and its open segments, whatever writers do next.

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
from qt_audit.record.head import HEAD_NAME, Busy, Head, read_snapshot, wait_for_lock
from qt_audit.record.place import Place, open_file
from qt_audit.verify.fault import ALTERED, Fault, Faults
from qt_audit.verify.scan import SegmentFile, open_segment_file

_NOT_REGULAR_ERRORS = (errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.ENXIO)


@dataclass(frozen=True)
class Snapshot:
    """A record at one moment. `sources` are in the order of their entries."""

    head: Head | None
    head_exists: bool
    sources: tuple[SegmentFile, ...]
    faults: tuple[Fault, ...]
    under_lock: bool
    """Whether it was taken under the lock: then no line of it is half written."""

    def close(self) -> None:
        for source in self.sources:
            source.close()


@contextmanager
def open_record_directory(place: Place) -> Iterator[int]:
    """A descriptor of the place's record directory, which is not created. Raises OSError."""
    try:
        record = place.open_existing()
    except OSError as error:
        raise _with_path_and_remedy(error, place) from None
    try:
        yield record
    except OSError as error:
        raise _with_path_and_remedy(error, place) from None
    finally:
        os.close(record)


def _with_path_and_remedy(error: OSError, place: Place) -> OSError:
    """The same error with the full path; an error of rights says what to do."""
    name = error.filename or ""
    if not isinstance(name, str) or error.errno is None:
        return error
    in_record = name == HEAD_NAME or ".jsonl" in name
    path = name if "/" in name else f"{place.record_path if in_record else place.status_path}/{name}"
    advice = ": run this as its owner or as root" if isinstance(error, PermissionError) else ""
    return type(error)(error.errno, f"{error.strerror}{advice}", path.rstrip("/"))


@contextmanager
def try_record_lock(record: int, timeout: float) -> Iterator[bool]:
    """Hold the record's lock if it is free within `timeout` seconds. Yields whether it is held."""
    try:
        descriptor, _ = open_file(HEAD_NAME, record, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        is_held = False
        with suppress(Busy):
            wait_for_lock(descriptor, time.monotonic() + timeout)
            is_held = True
        yield is_held
    finally:
        os.close(descriptor)


def take_snapshot(record: int, under_lock: bool) -> Snapshot:
    """Open all segments. The head is read first, so that the segments hold all that it names."""
    faults = Faults()
    try:
        head = read_snapshot(record)
        exists = HEAD_NAME in os.listdir(record)
    except OSError as error:
        head, exists = None, True
        _add_not_regular(error, HEAD_NAME, faults)
    sources = []
    for name in segments.names(record):
        try:
            sources.append(open_segment_file(name, record))
        except FileNotFoundError:
            continue  # retention removed it a moment ago; an entry says so
        except OSError as error:
            _add_not_regular(error, name, faults)
    return Snapshot(head, exists, tuple(sources), tuple(faults.found), under_lock)


def _add_not_regular(error: OSError, name: str, faults: Faults) -> None:
    """Add a fault for a link, a directory or a device in place of a segment. Raises any other error."""
    if error.errno not in _NOT_REGULAR_ERRORS:
        raise error
    faults.add(ALTERED, name, None, "not a regular file")
