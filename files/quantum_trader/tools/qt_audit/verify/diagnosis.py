"""Find each fault of a chain that is not whole: line by line, with some lines of lookahead.

The rule throughout: a line is trusted if the next line holds its hash. From that follows which of two lines
that do not fit was changed, and whether a line was removed, inserted or moved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from qt_audit.reading.lines import Line, lines_of
from qt_audit.record import compressed
from qt_audit.record.entry import GENESIS
from qt_audit.record.head import HEAD_NAME, Head
from qt_audit.verify.fault import ALTERED, MISSING, TORN, TRUNCATED, Faults
from qt_audit.verify.scan import ChainSection, SegmentFile
from qt_audit.verify.unplaced_lines import UnplacedLines

_LOOKAHEAD = 200
"""Lines that are searched for the successor before entries count as missing."""


class Diagnosis:
    """Follows the chain through segments; `faults` and `notes` are what it found.

    `seq` and `hash` are those of the last accepted entry; `hash` is None if its line is damaged.
    """

    def __init__(self, head: Head | None, seq: int = 0, hash: str = GENESIS, under_lock: bool = True) -> None:
        """The chain begins after the entry of this number and hash. `under_lock`: no writer is at work."""
        self.faults = Faults()
        self.notes: list[str] = []
        self.seq = seq
        self.hash: str | None = hash
        self.entries = 0
        self._head = head
        self._under_lock = under_lock
        self._line_unlike_head: Line | None = None
        """The line with the head's number, if its hash is not the head's."""
        self._head_offset_fits = True
        self._file, self._line = "", 0
        self._last_altered_seq = seq
        self._source = SegmentFile("", -1, 0, False)
        self._next_section: ChainSection | None = None
        self._unplaced = UnplacedLines()
        self._prevs_ahead: set[str] = set()
        """Of the lines in the window and the unplaced ones, and of some before them: saves most searches."""

    def fits(self, whole: ChainSection) -> bool:
        """Whether a segment is whole and continues the chain."""
        return (
            whole.whole
            and not whole.tail
            and whole.first_seq == self.seq + 1
            and whole.first_prev == self.hash
        )

    def accept_segment(self, source: SegmentFile, whole: ChainSection) -> None:
        """Accept a segment that is whole and continues the chain."""
        self._settle_head_mismatch(whole.first_prev)
        self.seq, self.hash = whole.last_seq, whole.last_hash
        self._file, self._line = source.file, whole.lines
        self.entries += whole.lines

    def check_lines(self, source: SegmentFile, next_section: ChainSection | None) -> None:
        """Read a segment line by line; `next_section` is the content of the next segment with lines."""
        self._source, self._next_section = source, next_section
        window: deque[Line] = deque()
        lines = self._lines(source)
        while True:
            while len(window) < _LOOKAHEAD and (line := next(lines, None)) is not None:
                window.append(line)
                self._prevs_ahead.add(line.prev)
            if not window:
                break
            if len(self._prevs_ahead) > 10 * _LOOKAHEAD:
                self._prevs_ahead = {line.prev for line in window}
                self._prevs_ahead.update(self._unplaced.prevs())
            if self._unplaced and self._unplaced.first_number() < window[0].number - 4 * _LOOKAHEAD:
                self._add_inserted(window[0].number - 2 * _LOOKAHEAD)
            if not self._place_moved_lines():
                self._check_next_line(window)
        self._place_moved_lines()
        self._add_inserted()

    def finish(self, present: set[str]) -> None:
        """Compare the end of the chain with the head. `present` are the names of all segments."""
        head = self._head
        if head is None:
            return
        if self._line_unlike_head is not None and self._last_altered_seq != self.seq:
            self._add_altered(
                self.seq, self._line, "the last line is not the one that the head was written for", self._file
            )
        if head.durable > head.seq or not (self._head_offset_fits or self.faults):
            self._add_head_altered()
        if self.seq >= head.seq:
            return
        count = _entries(head.seq - self.seq)
        if head.segment not in present:
            text = f"{count} gone: the last segment was removed or renamed"
            self.faults.add(MISSING, head.segment, self.seq + 1, text, last_seq=head.seq)
        elif self.seq < head.durable:
            text = f"the segment ends too early, {count} gone"
            self.faults.add(TRUNCATED, head.segment, self.seq + 1, text, last_seq=head.seq)
        else:
            self.notes.append(f"{count} gone behind seq {self.seq} that were never acknowledged: no fault")

    def _lines(self, source: SegmentFile) -> Iterator[Line]:
        try:
            yield from lines_of(source.blocks())
        except compressed.DamagedError as error:
            self.faults.add(
                TORN if error.why == compressed.TORN else ALTERED, source.file, self.seq + 1, error.why
            )

    # Check the first line of the window by the lines after it.

    def _check_next_line(self, window: deque[Line]) -> None:
        line = window[0]
        if not line.has_newline:
            self._handle_unterminated(window.popleft())
        elif line.seq is not None and line.prev == self.hash:
            self._handle_successor(window)
        elif pieces := line.joined_entries():
            window.popleft()
            window.extendleft(reversed(pieces))
            self._prevs_ahead.update(piece.prev for piece in pieces)
            self._add_altered(self.seq + 1, line.number, "the newline at the line's end was changed")
        elif later := self._lines_before_successor(window):
            for _ in range(later):
                self._unplaced.add(self.seq, window.popleft())
        elif line.seq is None:
            self._handle_non_entries(window)
        else:
            self._handle_wrong_prev(window, line.seq)

    def _lines_before_successor(self, window: deque[Line]) -> int:
        """How many lines stand before the successor, here or in the next segment; 0 if there is none."""
        for index, line in enumerate(window) if self.hash in self._prevs_ahead else ():
            if line.prev == self.hash and line.seq == self.seq + 1 and line.has_newline:
                return index
        after = self._next_section
        if after is None or len(window) >= _LOOKAHEAD:
            return 0
        return len(window) if (after.first_seq, after.first_prev) == (self.seq + 1, self.hash) else 0

    def _accept(self, line: Line, seq: int, hash: str | None = None) -> None:
        """Accept the line as entry `seq`; the next line must hold `hash` (default: the hash of the line)."""
        self._settle_head_mismatch(line.prev)
        self.seq, self.hash = seq, hash or line.hash
        self._file, self._line = self._source.file, line.number
        self.entries += 1
        head = self._head
        if head is not None and head.seq == seq:
            if self.hash != head.hash:
                self._line_unlike_head = line
            self._head_offset_fits = head.offset in (0, line.end)  # 0: its segment is new

    def _settle_head_mismatch(self, prev: str) -> None:
        """Report the head as altered if the next line confirms the line that the head contradicts."""
        if self._line_unlike_head is not None and prev == self._line_unlike_head.hash:
            self._add_head_altered()
        self._line_unlike_head = None

    def _add_head_altered(self) -> None:
        assert self._head is not None
        self.faults.add(ALTERED, HEAD_NAME, self._head.seq, "the head does not say what the segments show")

    def _add_altered(self, seq: int, line: int, text: str, file: str = "") -> None:
        self.faults.add(ALTERED, file or self._source.file, seq, text, line=line)
        self._last_altered_seq = seq

    def _handle_successor(self, window: deque[Line]) -> None:
        """Check a line that holds the right hash; its number may be wrong."""
        line, due = window.popleft(), self.seq + 1
        assert line.seq is not None
        if line.seq == due:
            self._accept(line, due)
            return
        confirmed = bool(window) and window[0].prev == line.hash and window[0].seq == line.seq + 1
        if confirmed and line.seq > due:
            self._add_missing(due, line.seq - 1, line.number)
        else:
            self._add_altered(due, line.number, f"the entry's number was changed to {line.seq}")
        self._accept(line, line.seq if confirmed else due)

    def _handle_wrong_prev(self, window: deque[Line], seq: int) -> None:
        """Check an entry that does not hold the hash of the entry before it."""
        line, due = window.popleft(), self.seq + 1
        following = window[0] if window else None
        at_head = self._head is not None and self._head.seq == due
        if seq == due:
            self._handle_hash_mismatch(line, following)
        elif following.seq == due + 1 if following else at_head:
            self._add_altered(due, line.number, f"the entry was changed, its number to {seq}")
            self._accept(line, due)
        elif seq > due:
            self._add_missing(due, seq - 1, line.number)
            self._accept(line, seq)
        else:
            self._unplaced.add(self.seq, line)

    def _handle_hash_mismatch(self, line: Line, following: Line | None) -> None:
        """Check a line with the right number and a wrong hash: it or the line before was changed."""
        due = self.seq + 1
        if self.hash is None:
            self._accept(line, due)
            return
        restored = line.hash_with_prev(self.hash)
        if restored == self._expected_hash(due, following):
            self._add_altered(due, line.number, "the line's `prev` was changed")
            self._accept(line, due, restored)
            return
        if not self._file and self.seq:
            self._add_missing(1, self.seq, line.number)
        elif not self._file or self._head_confirms():
            self._add_altered(due, line.number, "the line's `prev` is not the hash of the entry before it")
        elif self._last_altered_seq != self.seq:
            self._add_altered(self.seq, self._line, "the line was changed after it was written", self._file)
        self._accept(line, due)

    def _head_confirms(self) -> bool:
        """Whether the head has the hash of the last accepted entry."""
        return self._head is not None and (self._head.seq, self._head.hash) == (self.seq, self.hash)

    def _expected_hash(self, seq: int, following: Line | None) -> str | None:
        """The hash that entry `seq` must have, by the line after it or by the head."""
        if following is not None:
            return following.prev if following.seq == seq + 1 else None
        if self._next_section is not None and self._next_section.first_seq == seq + 1:
            return self._next_section.first_prev
        return self._head.hash if self._head is not None and self._head.seq == seq else None

    def _handle_non_entries(self, window: deque[Line]) -> None:
        """Check lines that are no entries: changed, split or inserted lines, or a torn tail."""
        run = []
        while window and window[0].seq is None and window[0].has_newline:
            run.append(window.popleft())
        due, first, file = self.seq + 1, run[0].number, self._source.file
        count = sum(line.count for line in run)
        last = self._last_seq_of(window, count)
        if last is None:
            self._add_torn_tail(first, count, sum(line.size for line in run))
        elif last < due:
            for line in run:
                self._unplaced.add(self.seq, line)
        else:
            text = "the line is no entry any more"
            self.faults.add(ALTERED, file, due, text, last_seq=last, line=first, lines=count)
            self.seq, self.hash, self._last_altered_seq = last, None, last
            self._file, self._line = file, first + count - 1

    def _last_seq_of(self, window: deque[Line], count: int) -> int | None:
        """The number of the last entry that `count` damaged lines held; None if they are a torn tail."""
        following = next((line.seq for line in window if line.seq is not None), None)
        if following is None and self._next_section is not None:
            following = self._next_section.first_seq or None
        if following is not None:
            return min(following - 1, self.seq + count)
        head = self._head
        return None if head is None or self.seq >= head.seq else min(self.seq + count, head.seq)

    def _handle_unterminated(self, line: Line) -> None:
        """Check the bytes after the last newline."""
        source, due, head = self._source, self.seq + 1, self._head
        at_end = self._next_section is None
        cut = at_end and head is not None and source.size < head.offset and source.name == head.segment
        for data in () if cut else (line.data, line.data[:-1]):
            whole = Line.of(line.number, data, True, line.end)
            if whole.seq == due and whole.prev == self.hash and whole.hash == self._expected_hash(due, None):
                self._add_altered(due, line.number, "the newline at the line's end was changed")
                self._accept(whole, due)
                return
        if not at_end:
            self.faults.add(TORN, source.file, due, "the line ends too early", line=line.number)
        elif head is None or self.seq >= head.seq:
            self._add_torn_tail(line.number, 1, line.size)
        elif not cut:
            self._add_altered(due, line.number, "the last line was changed after it was written")
            self.seq, self.hash = due, None

    def _add_torn_tail(self, line: int, lines: int, size: int) -> None:
        """Report what a dead writer left after the last entry; if a writer holds the lock, only note it."""
        if self._under_lock or self._head is None:
            text = f"{size} bytes behind the last entry, never acknowledged; the next writer cuts them"
            self.faults.add(TORN, self._source.file, self.seq + 1, text, line=line, lines=lines)
        else:
            self.notes.append(
                f"a writer holds the lock and is half way through seq {self.seq + 1}: not checked"
            )

    # Removed, inserted and moved lines.

    def _add_missing(self, first: int, last: int, line: int) -> None:
        text = f"{_entries(last - first + 1)} gone before this line"
        if not self._file:
            text = (
                f"the beginning is gone: {_entries(last - first + 1)} gone, and no retention accounts for it"
            )
        elif line == 1:
            text += f", the first behind {self._file}: cut there, or a segment was removed or renamed"
        self.faults.add(MISSING, self._source.file, first, text, last_seq=last, line=line)

    def _place_moved_lines(self) -> bool:
        """Accept the unplaced lines that continue the chain here. Returns whether there were any."""
        before, first = self.seq, 0
        while self.hash in self._prevs_ahead and (line := self._unplaced.pop_successor(self.seq, self.hash)):
            first = min(first or line.number, line.number)
            self._accept(line, self.seq + 1)
        if self.seq == before:
            return False
        text = f"lines were swapped: seq {self.seq} stands before seq {before}"
        if self.seq > before + 1:
            text = "lines are not in their order"
        lines = self.seq - before + 1
        self.faults.add(ALTERED, self._source.file, before, text, last_seq=self.seq, line=first, lines=lines)
        return True

    def _add_inserted(self, before: int | None = None) -> None:
        """Report the unplaced lines as inserted: all of them, or those before a line number."""
        for seq, line in self._unplaced.pop_before(before):
            text = f"line inserted after seq {seq}"
            self.faults.add(ALTERED, self._source.file, seq, text, line=line.number, lines=line.count)


def _entries(count: int) -> str:
    return "1 entry is" if count == 1 else f"{count} entries are"
