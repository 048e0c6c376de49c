"""The lines of one batch for the log that people read: appended at its end, whole, or not at all."""

from __future__ import annotations

import errno
import os

from qt_audit.record import segments
from qt_audit.record.place import LOG_NAME, Place, open_file
from qt_audit.record.recovery import cut_unacknowledged_lines, missing_log_lines
from qt_audit.record.reserve import retry_when_full
from qt_audit.record.warning import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from qt_audit.record.entry import Entry


class LogLines(list[str]):
    """Lines without their newlines. A log that cannot be written is a warning: the record has the entries."""

    def __init__(self, place: Place, status: int) -> None:
        super().__init__()
        self._place = place
        self._status = status

    def add_missing(self, adopted: Iterable[Entry]) -> None:
        """Add the lines of entries that a dead writer left, as far as the log lacks them."""
        try:
            log, _ = open_file(LOG_NAME, self._status, os.O_RDWR | os.O_CREAT, self._place.file_mode)
            try:
                missing = missing_log_lines(log, self._status, adopted)
            finally:
                os.close(log)
        except OSError as error:
            self._warn(error)
        else:
            self += missing

    def cut(self, count: int, record: int) -> None:
        """Cut lines of up to `count` entries that a power failure took before they were durable."""
        names = segments.names(record)
        found = (segments.last_line(name, record) for name in reversed(names))
        last = next((one for one in found if one is not None), None)
        try:
            log, _ = open_file(LOG_NAME, self._status, os.O_RDWR)
        except OSError:
            return  # there is none
        try:
            cut_unacknowledged_lines(log, count, last.entry.ts if last is not None else "")
        except OSError as error:
            self._warn(error)
        finally:
            os.close(log)

    def write(self) -> None:
        """Append all of them to the log."""
        data = "".join([text + "\n" for text in self]).encode("utf-8")
        try:
            retry_when_full(self._place, lambda: self._append(data))
        except OSError as error:
            self._warn(error)

    def _append(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        log, status = open_file(LOG_NAME, self._status, flags, self._place.file_mode)
        try:
            written = os.write(log, data)
            if written < len(data):
                os.ftruncate(log, status.st_size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(log)

    def _warn(self, error: OSError) -> None:
        warn(
            f"{self._place.log_path}: cannot be written ({error.strerror}); the record has the entry,"
            " `audit_logger.py rebuild_log` mends the log"
        )
