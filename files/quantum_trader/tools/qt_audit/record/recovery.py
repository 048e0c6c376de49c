"""Make head and segments agree after a writer died, the power failed or somebody changed a file.

The segments say what entries there are; the head says which of them were acknowledged. No acknowledged
entry is ever cut. A torn tail was never acknowledged, and is cut.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque

from qt_audit.record import segments
from qt_audit.record.entry import GENESIS, Entry, EntryError, chain_hash, log_line
from qt_audit.record.head import Head, empty
from qt_audit.record.parsing import parse
from qt_audit.record.place import LOG_NAME, open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, BinaryIO

_EXCERPT_BYTES = 512
_EXTRA_LOG_BYTES = 64 * 1024
_MAX_ADOPTED = 2000
_MAX_READ = 1 << 20


class Note:
    """Something that a writer found out about the record, to be written into it as an entry."""

    __slots__ = ("action", "details", "outcome")

    def __init__(self, action: str, outcome: str, details: dict[str, Any]) -> None:
        self.action = action
        self.outcome = outcome
        self.details = details


class Recovery:
    """Brings a head into agreement with the segments. To be used under the record's lock.

    Afterwards `head` is where the record ends, `notes` are the entries to write about it, and `adopted` are
    the last entries that a writer left behind without updating the head. `unacknowledged` is how many entries
    behind the end are gone that were never durable.
    """

    def __init__(self, record: int, head: Head | None, is_new: bool, next_segment: str = "") -> None:
        """`next_segment` is the segment that will be written to next."""
        self._record = record
        self._next_segment = next_segment
        self.notes: list[Note] = []
        self.adopted: deque[Entry] = deque(maxlen=_MAX_ADOPTED)
        self.unacknowledged = 0
        names = segments.names(record)
        if head is None:
            head = self._rebuild_head(names, is_new)
        self.head = head
        following = self._following(names)
        if head.seq:
            self._compare_with_segment([name for name in names if name not in following])
        for name in following:
            self._adopt(name, 0)

    def _following(self, names: list[str]) -> list[str]:
        """The segments after the head's."""
        head = self.head
        if head.segment in names or not any(map(segments.is_numbered, (head.segment, *names))):
            return segments.after(head.segment, names)
        firsts = {name: segments.first_seq(name, self._record) for name in names}
        return [
            name for name, first in firsts.items() if first is not None and (not first or first > head.seq)
        ]

    def _rebuild_head(self, names: list[str], is_new: bool) -> Head:
        """The head as the segments show it, where the head file is missing or torn."""
        head = empty()
        for name in reversed(names):
            last = segments.last_line(name, self._record)
            if last is not None:
                head = Head(
                    last.entry.seq, chain_hash(last.line), last.entry.ts, name, last.end, last.entry.seq
                )
                self._cut_torn(name, last.end)
                break
        if names or not is_new:
            state = "missing" if is_new else "torn"
            self.notes.append(
                Note(
                    f"Audit record: the head was {state}, rebuilt from the segments",
                    "failed",
                    {"head_seq": head.seq, "head_hash": head.hash, "segment": head.segment},
                )
            )
        return head

    def _compare_with_segment(self, up_to_head: list[str]) -> None:
        size = self._size(self.head.segment)
        if size > self.head.offset:
            self._adopt(self.head.segment, self.head.offset)
        elif size < self.head.offset:
            self._step_back(up_to_head)

    def _step_back(self, up_to_head: list[str]) -> None:
        """Set the head back to the end of its segment, which is shorter than the head says.

        A power failure took unsynced lines, or somebody cut the segment.
        """
        head = self.head
        name, gone = head.segment, self._size(head.segment) < 0
        last = self._last_of(up_to_head)
        if gone:
            head.segment, head.offset = "", 0
        else:
            # A whole line is evidence, even if it is no entry: only a line without its newline is cut.
            head.offset = self._end_of_lines(name)
            self._cut_torn(name, head.offset)
        seq = last.entry.seq if last is not None else 0
        if last is not None and last.entry.ts > head.ts:
            head.ts = last.entry.ts  # the entries about the clock's return are gone: it is found out again
        if seq >= head.durable:
            self.unacknowledged = head.seq - seq
            head.seq, head.hash = seq, chain_hash(last.line) if last is not None else GENESIS
            return
        self.notes.append(
            Note(
                f"Audit record: segment {name} is {'gone' if gone else 'shorter than what was acknowledged'}",
                "failed",
                {"missing_first_seq": seq + 1, "missing_last_seq": head.seq, "head_hash": head.hash},
            )
        )

    def _last_of(self, names: list[str]) -> segments.LastLine | None:
        """The last line of the last of these segments that has a line."""
        for name in reversed(names):
            last = segments.last_line(name, self._record)
            if last is not None:
                return last
        return None

    def _adopt(self, name: str, offset: int) -> None:
        """Move the head over the entries that follow it in this segment, and cut a torn tail after them."""
        head, seq = self.head, self.head.seq
        with segments.open_segment(name, self._record) as file:
            file.seek(offset)
            end, foreign = self._advance_head(file, offset, name)
        # A later segment without an entry does not become the head's, unless it is written to next.
        if head.seq > seq or name in (head.segment, self._next_segment):
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

    def _advance_head(self, file: BinaryIO, offset: int, name: str) -> tuple[int, int]:
        """Move the head over its successors; (end of the last line to keep, number of foreign lines)."""
        head, position, keep, foreign, pending = self.head, offset, offset, 0, 0
        goes_back = segments.is_numbered(name) and not offset  # it was begun when the clock came back
        begins = ends = True
        while raw := file.readline(_MAX_READ):
            position += len(raw)
            begins, ends = ends, raw.endswith(b"\n")  # a long line comes in several parts
            try:
                entry = parse(raw) if begins and ends else None
            except EntryError:
                entry = None
            if entry is None:
                pending += 1
                continue
            keep = position
            foreign, pending = foreign + pending, 0
            if entry.seq == head.seq + 1 and entry.prev == head.hash and entry.ts[:7] == name[:7]:
                head.seq, head.hash = entry.seq, chain_hash(raw)
                head.ts = entry.ts if goes_back else max(head.ts, entry.ts)
                self.adopted.append(entry)
            else:
                foreign += 1
        return keep, foreign

    def _cut_torn(self, name: str, end: int) -> None:
        """Cut the half-written line after `end`, and note its size, hash and beginning."""
        size = self._size(name)
        if size <= end:
            return
        descriptor, _ = open_file(name, self._record, os.O_RDWR)
        try:
            torn, digest = os.pread(descriptor, _EXCERPT_BYTES, end), hashlib.sha256()
            position = end
            while block := os.pread(descriptor, _MAX_READ, position):
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

    def _end_of_lines(self, name: str) -> int:
        """Where the last line of the plain segment that has a newline ends."""
        descriptor, status = open_file(name, self._record, os.O_RDONLY)
        try:
            end = status.st_size
            while end > 0:
                start = max(0, end - _MAX_READ)
                found = os.pread(descriptor, end - start, start).rfind(b"\n") + 1
                if found:
                    return start + found
                end = start
            return 0
        finally:
            os.close(descriptor)


def cut_unacknowledged_lines(log: int, count: int, last_ts: str) -> None:
    """Cut at most `count` lines later than `last_ts` off the log's end: their entries were never durable."""
    size = os.fstat(log).st_size
    start = max(0, size - _MAX_READ)
    tail = os.pread(log, size - start, start)
    end = len(tail)
    for _ in range(count):
        begin = tail.rfind(b"\n", 0, max(0, end - 1)) + 1
        if (not begin and start) or tail[begin + 1 : begin + 28] <= last_ts.encode("ascii"):
            break
        end = begin
    if end < len(tail):
        os.ftruncate(log, start + end)


def missing_log_lines(log: int, status: int, adopted: Iterable[Entry]) -> list[str]:
    """The lines of the adopted entries that the log lacks. Cuts a torn last line of the log first.

    `log` is a descriptor open for reading and writing, `status` is its directory. If the log was rotated a
    moment ago, the lines may be in the newest rotated file.
    """
    lines = [log_line(entry.ts, entry.action) for entry in adopted]
    tail_bytes = sum(len(text.encode()) + 1 for text in lines) + _EXTRA_LOG_BYTES
    size = os.fstat(log).st_size
    tail = os.pread(log, tail_bytes, max(0, size - tail_bytes))
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        os.ftruncate(log, size - len(tail) + whole)
    present = set(tail[:whole].split(b"\n"))
    if size <= tail_bytes:
        present.update(_rotated_tail(status, tail_bytes).split(b"\n"))
    return [text for text in lines if text.encode() not in present]


def _rotated_tail(status: int, tail_bytes: int) -> bytes:
    """The end of the log that was rotated last, if it is not compressed yet."""
    newest, tail = 0, b""
    for name in os.listdir(status):
        if name.startswith(LOG_NAME) and name != LOG_NAME and not name.endswith(".gz"):
            try:
                descriptor, found = open_file(name, status, os.O_RDONLY)
            except OSError:
                continue
            if found.st_mtime_ns > newest:
                newest, tail = (
                    found.st_mtime_ns,
                    os.pread(descriptor, tail_bytes, max(0, found.st_size - tail_bytes)),
                )
            os.close(descriptor)
    return tail
