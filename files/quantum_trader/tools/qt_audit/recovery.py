"""What a writer does when head and segment differ: because a writer died, the power went, or a file was touched.

The segment is the truth for what it holds; the head is the truth for what was
acknowledged. Nothing acknowledged is ever cut; a torn tail, which never was, is.
"""

from __future__ import annotations

import hashlib
import os

from qt_audit import segments
from qt_audit.entry import GENESIS, Entry, EntryError, chain_hash, log_line, parse
from qt_audit.head import Head, empty
from qt_audit.place import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

_EXCERPT = 512
_LOG_TAIL = 256 * 1024
_ADOPTED_MAX = 2000
_LONGEST_READ = 1 << 20


class Note:
    """Something a writer found out about the record, and writes into it."""

    __slots__ = ("action", "details", "outcome")

    def __init__(self, action: str, outcome: str, details: dict[str, Any]) -> None:
        self.action = action
        self.outcome = outcome
        self.details = details


class Recovery:
    """Brings a head into agreement with the segments. To be used under the record's lock.

    Afterwards `head` is where the record ends, `notes` is what the trail must say about it, and
    `adopted` are the last entries that a writer left without updating the head.
    """

    def __init__(self, record: int, head: Head | None, is_new: bool) -> None:
        self._record = record
        self.notes: list[Note] = []
        self.adopted: list[Entry] = []
        names = segments.names(record)
        if head is None:
            head = self._rebuilt(names, is_new)
        elif head.seq:
            self._compare(head, names)
        self.head = head
        for name in names:
            if name > head.segment:
                self._adopt(name, 0)

    def _rebuilt(self, names: list[str], is_new: bool) -> Head:
        """The head that the segments show, where the file itself is gone or torn."""
        head = empty()
        for name in reversed(names):
            last = segments.last_line(name, self._record)
            if last is not None:
                head = Head(last.entry.seq, chain_hash(last.line), last.entry.ts, name, last.end, last.entry.seq)
                self._cut_torn(name, last.end)
                break
        if names or not is_new:
            self.notes.append(
                Note(
                    f"Audit record: the head was {'missing' if is_new else 'torn'}, rebuilt from the segments",
                    "failed",
                    {"head_seq": head.seq, "head_hash": head.hash, "segment": head.segment},
                )
            )
        return head

    def _compare(self, head: Head, names: list[str]) -> None:
        size = self._size(head.segment)
        if size > head.offset:
            self.head = head
            self._adopt(head.segment, head.offset)
        elif size < head.offset:
            self._shorter(head, names)

    def _shorter(self, head: Head, names: list[str]) -> None:
        """The segment ends before the head: unsynced lines went with the power, or somebody cut or took it."""
        name, gone = head.segment, self._size(head.segment) < 0
        last, where = self._last_up_to(name, names)
        head.offset = last.end if last is not None and where == name else 0
        if gone:
            head.segment, head.offset = "", 0
        else:
            self._cut_torn(name, head.offset)
        seq = last.entry.seq if last is not None else 0
        if seq >= head.durable:
            head.seq, head.hash = seq, chain_hash(last.line) if last is not None else GENESIS
            return
        self.notes.append(
            Note(
                f"Audit record: segment {name} is {'gone' if gone else 'shorter than what was acknowledged'}",
                "failed",
                {"missing_first_seq": seq + 1, "missing_last_seq": head.seq, "head_hash": head.hash},
            )
        )

    def _last_up_to(self, name: str, names: list[str]) -> tuple[segments.LastLine | None, str]:
        """The last line of this segment, or of the nearest one before it that has a line."""
        for earlier in reversed(names):
            if earlier <= name:
                last = segments.last_line(earlier, self._record)
                if last is not None:
                    return last, earlier
        return None, ""

    def _adopt(self, name: str, offset: int) -> None:
        """Take in the entries that follow the head in this segment, and cut what is torn behind them."""
        head = self.head
        with segments.open_segment(name, self._record) as file:
            file.seek(offset)
            end, foreign = self._follow(file, offset)
        head.segment, head.offset = name, end
        if foreign:
            self.notes.append(
                Note(
                    f"Audit record: {name} holds lines that do not continue the chain",
                    "failed",
                    {"segment": name, "lines": foreign, "from_offset": offset},
                )
            )
        self._cut_torn(name, end)

    def _follow(self, file: BinaryIO, offset: int) -> tuple[int, int]:
        """Advance the head over its successors; (end of the last line to keep, number of foreign lines)."""
        head, position, keep, foreign, pending = self.head, offset, offset, 0, 0
        while raw := file.readline(_LONGEST_READ):
            position += len(raw)
            try:
                entry = parse(raw) if raw.endswith(b"\n") else None
            except EntryError:
                entry = None
            if entry is None:
                pending += 1
                continue
            keep = position
            foreign, pending = foreign + pending, 0
            if entry.seq == head.seq + 1 and entry.prev == head.hash:
                head.seq, head.hash, head.ts = entry.seq, chain_hash(raw), max(head.ts, entry.ts)
                self.adopted = [*self.adopted[-_ADOPTED_MAX:], entry]
            else:
                foreign += 1
        return keep, foreign

    def _cut_torn(self, name: str, end: int) -> None:
        """Cut what a writer left half written behind `end`, and keep in the trail what it was."""
        size = self._size(name)
        if size <= end:
            return
        descriptor, _ = open_file(name, self._record, os.O_RDWR)
        try:
            torn, digest = os.pread(descriptor, _EXCERPT, end), hashlib.sha256()
            position = end
            while block := os.pread(descriptor, _LONGEST_READ, position):
                digest.update(block)
                position += len(block)
            os.ftruncate(descriptor, end)
        finally:
            os.close(descriptor)
        self.notes.append(
            Note(
                "Audit record: repaired a torn tail",
                "succeeded",
                {
                    "segment": name,
                    "offset": end,
                    "torn_bytes": size - end,
                    "torn_sha256": digest.hexdigest(),
                    "torn_text": torn.decode("utf-8", "replace"),
                },
            )
        )

    def _size(self, name: str) -> int:
        """Bytes in the plain segment; -1 if there is no such file."""
        try:
            descriptor, status = open_file(name, self._record, os.O_RDONLY)
        except FileNotFoundError:
            return -1
        os.close(descriptor)
        return status.st_size


def missing_log_lines(log: int, adopted: list[Entry]) -> list[tuple[str, str]]:
    """(ts, action) of the adopted entries that the log lacks; cuts a torn last line of the log first.

    `log` is a descriptor open for reading and writing.
    """
    size = os.fstat(log).st_size
    tail = os.pread(log, _LOG_TAIL, max(0, size - _LOG_TAIL))
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        os.ftruncate(log, size - len(tail) + whole)
    present = set(tail[:whole].split(b"\n"))
    return [(entry.ts, entry.action) for entry in adopted if log_line(entry.ts, entry.action).encode() not in present]
