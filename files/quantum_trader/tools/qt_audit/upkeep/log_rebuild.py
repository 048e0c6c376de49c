"""Write the log that people read anew, from the record.

The new log is written beside the old one and renamed under the record's lock: no line is lost, and writers
wait only while the entries since the last look are added. Entries that a rotated file holds are left out, so
that each entry is in the log and the rotated files once.
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
from qt_audit.record.entry import EntryError, log_line
from qt_audit.record.head import Lock
from qt_audit.record.lines import Pieces, blocks, candidates
from qt_audit.record.parsing import parse
from qt_audit.record.place import LOG_NAME, Place, inherit_owner, open_file
from qt_audit.verify.snapshot import open_record_directory

_TEMPORARY = f".{LOG_NAME}.rebuild"
REPLACED_LOG = f"{LOG_NAME}.replaced"
_MAX_REPLACED_LOGS = 1000
_ROTATED = re.compile(re.escape(LOG_NAME) + r"-(\d{8})-(\d+)(?:\.gz)?")
_LINE = re.compile(rb"\[([0-9TZ:.-]{27})\] ")
_BLOCK_BYTES = 256 * 1024
_ATTEMPTS = 5


@dataclass(frozen=True)
class Rebuilt:
    """The number of lines, the rotated file before them, and the name under which the old log is kept."""

    lines: int
    after: str | None
    kept: str | None


class UnsettledError(Exception):
    """The log was rotated again and again while it was rebuilt."""


def rebuild(place: Place, everything: bool, timeout: float) -> Rebuilt:
    """Replace the log by the lines of all entries, or of those that no rotated file holds.

    An old log with other lines is kept beside the new one, as REPLACED_LOG. Durable when this
    returns. `timeout` bounds the wait for the record's lock, in seconds. Raises OSError, UnsettledError.
    """
    with open_record_directory(place) as record:
        status = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=record)
        try:
            for _attempt in range(_ATTEMPTS):
                rotated = [] if everything else _rotated(status)
                new_log = _NewLog(place, status, record, rotated)
                try:
                    kept = new_log.put_in_place(timeout)
                finally:
                    new_log.close()
                # logrotate takes no lock: if it ran meanwhile, the rotated file holds some of these lines.
                if everything or _uncompressed_names(_rotated(status)) == _uncompressed_names(rotated):
                    return Rebuilt(new_log.lines, rotated[-1] if rotated else None, kept)
            raise UnsettledError("the log is being rotated all the time; try again in a minute")
        finally:
            os.close(status)


def _rotated(status: int) -> list[str]:
    """Names of the rotated logs, oldest first; a log that is being compressed counts once."""
    found: dict[tuple[str, int], str] = {}
    for name in os.listdir(status):
        if match := _ROTATED.fullmatch(name):
            key = (match[1], int(match[2]))
            found[key] = min(name, found.get(key, name))
    return [found[key] for key in sorted(found)]


def newest_rotated(status: int) -> str | None:
    """The name of the newest rotated log in the status directory; None if there is none."""
    rotated = _rotated(status)
    return rotated[-1] if rotated else None


def _uncompressed_names(rotated: list[str]) -> list[str]:
    """The names of rotated logs before they were compressed."""
    return [name.removesuffix(segments.ARCHIVE_SUFFIX) for name in rotated]


class _NewLog:
    """The new log, while it is written beside the old one."""

    def __init__(self, place: Place, status: int, record: int, rotated: list[str]) -> None:
        self.lines = 0
        self._place = place
        self._status = status
        self._record = record
        self._segment, self._offset = "", 0
        self._inside = False
        """Whether the offset is inside a line that is too long to be an entry."""
        self._comparison = 0, 0, True
        """Of the old log: inode, number of bytes compared, whether the new log begins with them."""
        self._since, self._skip = _last_rotated_time(rotated, status)
        self._clock_went_back = any(map(segments.is_numbered, segments.names(record)))
        if self._clock_went_back and not self._is_in_record(self._since):
            self._since, self._skip = "", 0  # a line too many is better than one that is missing
        self._begun = not self._since
        """Whether the entry of the last rotated line was reached: what follows in order is new."""
        with suppress(FileNotFoundError):
            os.unlink(_TEMPORARY, dir_fd=status)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        self._descriptor, _ = open_file(_TEMPORARY, status, flags, place.file_mode)

    def put_in_place(self, timeout: float) -> str | None:
        """Write all lines, the last ones under the lock, and rename. Returns the name of a kept old log."""
        while self._write_new_entries() > _BLOCK_BYTES:
            pass
        os.fsync(self._descriptor)
        self._compare_with_old_log()
        lock = Lock(self._record, self._place.file_mode, time.monotonic() + timeout)
        try:
            self._write_new_entries()
            kept = self._keep_old_log()
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

    def _write_new_entries(self) -> int:
        """Write the lines of the next entries. Returns how many bytes of the record were read."""
        read, names = 0, segments.filled(self._record)
        for name in names[names.index(self._segment) :] if self._segment in names else names:
            if name[:7] < self._since[:7] and not (self._begun or self._clock_went_back):
                continue
            if name != self._segment:
                self._segment, self._offset, self._inside = name, 0, False
            read += self._write_segment(name)
        return read

    def _write_segment(self, name: str) -> int:
        begin, pending = self._offset, bytearray()
        with segments.open_segment(name, self._record) as file:
            pieces = Pieces(blocks(file, self._offset), self._offset, self._inside)
            for _, data in pieces:
                for line in candidates(data)[0]:
                    pending += self._log_line(line)
                if len(pending) > _BLOCK_BYTES:
                    _write_all(self._descriptor, pending)
                    pending.clear()
        self._offset, self._inside = pieces.end, pieces.inside
        _write_all(self._descriptor, pending)
        return self._offset - begin

    def _log_line(self, raw: bytes) -> bytes:
        """The log's line for a line of the record; empty if a rotated log has it, or if it is no entry."""
        try:
            entry = parse(raw)
        except EntryError:
            return b""
        if not self._begun:
            self._begun = entry.ts == self._since or (entry.ts > self._since and not self._clock_went_back)
            if not self._begun:
                return b""
        if entry.ts == self._since and self._skip:
            self._skip -= 1
            return b""
        self.lines += 1
        return log_line(entry.ts, entry.action).encode() + b"\n"

    def _is_in_record(self, ts: str) -> bool:
        """Whether an entry bears this time."""
        mark = f'"ts":"{ts}"'.encode()
        for name in segments.names(self._record):
            if name[:7] == ts[:7]:
                with segments.open_segment(name, self._record) as file:
                    if any(mark in line for line in file):
                        return True
        return False

    def _compare_with_old_log(self) -> None:
        """Compare the bytes that were added to the old log since the last comparison."""
        try:
            old, status = open_file(LOG_NAME, self._status, os.O_RDONLY)
        except FileNotFoundError:
            self._comparison = 0, 0, True
            return
        inode, compared, agrees = self._comparison
        if inode != status.st_ino:
            compared, agrees = 0, True
        try:
            while agrees and (block := os.pread(old, _BLOCK_BYTES, compared)):
                agrees = os.pread(self._descriptor, len(block), compared) == block
                compared += len(block) if agrees else 0
        finally:
            os.close(old)
        self._comparison = status.st_ino, compared, agrees

    def _keep_old_log(self) -> str | None:
        """Keep the old log if the new one does not begin with it. Returns its new name, or None."""
        self._compare_with_old_log()
        _, _, agrees = self._comparison
        if agrees:
            return None
        here = self._status
        for name in (REPLACED_LOG, *(f"{REPLACED_LOG}.{number}" for number in range(2, _MAX_REPLACED_LOGS))):
            with suppress(FileExistsError):  # logs that were kept before are evidence, too
                os.link(LOG_NAME, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
                return name
        raise FileExistsError(
            errno.EEXIST, f"{_MAX_REPLACED_LOGS} of them are kept already; move some away", REPLACED_LOG
        )


def _last_rotated_time(rotated: list[str], status: int) -> tuple[str, int]:
    """The time of the last line in the rotated logs, and how many lines at their end have this time."""
    since, count = "", 0
    for name in reversed(rotated):
        last, run, total = "", 0, 0
        for match in map(_LINE.match, _lines(name, status)):
            if match:
                ts = match[1].decode()
                last, run, total = ts, run + 1 if ts == last else 1, total + 1
        since = since or last
        if last == since:
            count += run
        if total and (last != since or run < total):
            break
    return since, count


def _lines(name: str, status: int) -> Iterator[bytes]:
    """The lines of a rotated log. Raises OSError, also for one that cannot be decompressed."""
    descriptor, _ = open_file(name, status, os.O_RDONLY)
    try:
        packed = name.endswith(segments.ARCHIVE_SUFFIX)
        with open_archived(descriptor, name) if packed else os.fdopen(descriptor, "rb") as file:
            while line := file.readline(_BLOCK_BYTES):
                yield line
    except ArchiveError:
        raise OSError(f"{name} cannot be decompressed: move it away, or use --all") from None


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
