"""Write the log that people read anew, from the record, which is the truth.

It is built beside the old one and put in place by a rename under the record's lock: writers
lose no line, and wait no longer than the entries take that were written meanwhile. Entries that
a rotated file holds already are left out, so that each stands in the log and its archives once.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from qt_audit.record import segments
from qt_audit.record.archive_error import ArchiveError
from qt_audit.record.compressed import open_archived
from qt_audit.record.entry import EntryError, log_line, parse
from qt_audit.record.head import Lock
from qt_audit.record.place import LOG_NAME, Place, inherit_owner, open_file
from qt_audit.verify.snapshot import open_record_directory

_TEMPORARY = f".{LOG_NAME}.rebuild"
KEPT = f"{LOG_NAME}.replaced"
_MOST_KEPT = 1000
_ROTATED = re.compile(re.escape(LOG_NAME) + r"-(\d{8})-(\d+)(?:\.gz)?")
_LINE = re.compile(rb"\[([0-9TZ:.-]{27})\] ")
_SMALL = 256 * 1024
_ATTEMPTS = 5


@dataclass(frozen=True)
class Rebuilt:
    """What was written: how many lines, which rotated file goes before them, whether the old log was kept."""

    lines: int
    after: str | None
    kept: str | None


class UnsettledError(Exception):
    """The log was rotated again and again while it was rebuilt."""


def rebuild(place: Place, everything: bool, timeout: float) -> Rebuilt:
    """Replace the log by what the record says: all of it, or what no rotated file holds.

    An old log that says anything else is kept beside the new one, as KEPT. Durable when this
    returns. `timeout` bounds the wait for the record's lock, in seconds. Raises OSError, UnsettledError.
    """
    with open_record_directory(place) as record:
        status = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=record)
        try:
            for _attempt in range(_ATTEMPTS):
                rotated = [] if everything else _rotated(status)
                build = _Build(place, status, record, rotated)
                try:
                    kept = build.put_in_place(timeout)
                finally:
                    build.close()
                # logrotate takes no lock of ours: if it came in between, its file holds some of these lines.
                if everything or _plain(_rotated(status)) == _plain(rotated):
                    return Rebuilt(build.lines, rotated[-1] if rotated else None, kept)
            raise UnsettledError("the log is being rotated all the time; try again in a minute")
        finally:
            os.close(status)


def _rotated(status: int) -> list[str]:
    """The rotated logs, oldest first; one that is being compressed counts once."""
    found: dict[tuple[str, int], str] = {}
    for name in os.listdir(status):
        if match := _ROTATED.fullmatch(name):
            key = (match[1], int(match[2]))
            found[key] = min(name, found.get(key, name))
    return [found[key] for key in sorted(found)]


def newest_rotated(status: int) -> str | None:
    """The rotated log with the latest lines, in the status directory; None if there is none."""
    rotated = _rotated(status)
    return rotated[-1] if rotated else None


def _plain(rotated: list[str]) -> list[str]:
    """The names that rotated logs have before they are compressed."""
    return [name.removesuffix(segments.ARCHIVE_SUFFIX) for name in rotated]


class _Build:
    """A log that is being built beside the one in place."""

    def __init__(self, place: Place, status: int, record: int, rotated: list[str]) -> None:
        self.lines = 0
        self._place = place
        self._status = status
        self._record = record
        self._segment, self._offset = "", 0
        self._old = 0, 0, True
        """Of the log in place: inode, how many bytes were compared, whether the new one begins with them."""
        self._since, self._skip = _end_of(rotated, status)
        with suppress(FileNotFoundError):
            os.unlink(_TEMPORARY, dir_fd=status)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        self._descriptor, _ = open_file(_TEMPORARY, status, flags, place.file_mode)

    def put_in_place(self, timeout: float) -> str | None:
        """Write what there is, the rest under the lock, and rename; the old log's name if it was kept."""
        while self._write_on() > _SMALL:
            pass
        os.fsync(self._descriptor)
        self._compare()
        lock = Lock(self._record, self._place.file_mode, time.monotonic() + timeout)
        try:
            self._write_on()
            kept = self._keep_old()
            inherit_owner(self._descriptor, self._status)
            os.rename(_TEMPORARY, LOG_NAME, src_dir_fd=self._status, dst_dir_fd=self._status)
        finally:
            lock.release()
        os.fsync(self._descriptor)
        os.fsync(self._status)
        return kept

    def close(self) -> None:
        os.close(self._descriptor)
        with suppress(FileNotFoundError):
            os.unlink(_TEMPORARY, dir_fd=self._status)

    def _write_on(self) -> int:
        """Write the lines of the entries that follow; how many bytes of the record that took."""
        read = 0
        for name in segments.names(self._record):
            if name < max(self._segment, f"{self._since[:7]}.jsonl"):
                continue
            if name != self._segment:
                self._segment, self._offset = name, 0
            read += self._write_segment(name)
        return read

    def _write_segment(self, name: str) -> int:
        begin, pending = self._offset, bytearray()
        with segments.open_segment(name, self._record) as file:
            file.seek(self._offset)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                self._offset += len(raw)
                pending += self._line(raw)
                if len(pending) > _SMALL:
                    _write_all(self._descriptor, pending)
                    pending.clear()
        _write_all(self._descriptor, pending)
        return self._offset - begin

    def _line(self, raw: bytes) -> bytes:
        """The log's line for a line of the record; nothing if a rotated log has it, or if it is no entry."""
        try:
            entry = parse(raw)
        except EntryError:
            return b""
        if entry.ts < self._since:
            return b""
        if entry.ts == self._since and self._skip:
            self._skip -= 1
            return b""
        self.lines += 1
        return log_line(entry.ts, entry.action).encode() + b"\n"

    def _compare(self) -> None:
        """Compare what the old log has more than at the last look: most of it without the lock."""
        try:
            old, status = open_file(LOG_NAME, self._status, os.O_RDONLY)
        except FileNotFoundError:
            self._old = 0, 0, True
            return
        inode, same, agrees = self._old
        if inode != status.st_ino:
            same, agrees = 0, True
        try:
            while agrees and (block := os.pread(old, _SMALL, same)):
                agrees = os.pread(self._descriptor, len(block), same) == block
                same += len(block) if agrees else 0
        finally:
            os.close(old)
        self._old = status.st_ino, same, agrees

    def _keep_old(self) -> str | None:
        """Keep the log in place if it holds anything that the new one does not begin with; its new name."""
        self._compare()
        _, _, agrees = self._old
        if agrees:
            return None
        here = self._status
        for name in (KEPT, *(f"{KEPT}.{number}" for number in range(2, _MOST_KEPT))):
            with suppress(FileExistsError):  # what was kept before is evidence too
                os.link(LOG_NAME, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
                return name
        raise FileExistsError(errno.EEXIST, f"{_MOST_KEPT} of them are kept already; move some away", KEPT)


def _end_of(rotated: list[str], status: int) -> tuple[str, int]:
    """Time of the last line in the rotated logs, and how many lines at their end have that time."""
    since, count = "", 0
    for name in reversed(rotated):
        times = [match[1].decode() for match in map(_LINE.match, _lines(name, status)) if match]
        if times and not since:
            since = times[-1]
        run = 0
        while run < len(times) and times[-1 - run] == since:
            run += 1
        count += run
        if times and run < len(times):
            break
    return since, count


def _lines(name: str, status: int) -> Iterator[bytes]:
    """The lines of a rotated log. Raises OSError, also for one that cannot be decompressed."""
    descriptor, _ = open_file(name, status, os.O_RDONLY)
    try:
        packed = name.endswith(segments.ARCHIVE_SUFFIX)
        with open_archived(descriptor, name) if packed else os.fdopen(descriptor, "rb") as file:
            yield from file
    except ArchiveError:
        raise OSError(f"{name} cannot be decompressed: move it away, or use --all") from None


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
