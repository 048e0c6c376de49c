"""Name what is wrong with a chain that does not fit: line by line, with some lines of foresight.

The rule throughout: a line is believed when the line after it holds its hash. From that follows
which of two lines that do not fit together was touched, and whether one was removed, put in
or moved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from qt_audit.reading.lines import Line, lines_of
from qt_audit.record.entry import GENESIS
from qt_audit.record.head import HEAD_NAME as HEAD
from qt_audit.record.head import Head
from qt_audit.verify.fault import ALTERED, MISSING, TORN, TRUNCATED, Faults
from qt_audit.verify.scan import DamagedError, Source, Stretch

_FORESIGHT = 200
"""Lines that are looked through for the one that goes on, before entries count as missing."""


class Diagnosis:
    """Follows the chain through segments; `faults` and `notes` are what it found.

    `seq` and `hash` are those of the last entry that was reached; `hash` is None where the line
    that had it is damaged.
    """

    def __init__(self, head: Head | None, seq: int = 0, hash: str = GENESIS, still: bool = True) -> None:
        """The chain begins behind the entry of this number and hash. `still`: nobody is writing."""
        self.faults = Faults()
        self.notes: list[str] = []
        self.seq = seq
        self.hash: str | None = hash
        self.entries = 0
        self._head = head
        self._still = still
        self._doubted: Line | None = None
        """The line with the head's number, if its hash is not the head's."""
        self._head_fits = True
        self._file, self._line = "", 0
        self._blamed = seq
        self._source = Source("", -1, 0, False)
        self._after: Stretch | None = None
        self._strays: list[tuple[int, Line]] = []

    def fits(self, whole: Stretch) -> bool:
        """Whether a segment is whole and continues what was reached."""
        return (
            whole.whole
            and not whole.tail
            and whole.first_seq == self.seq + 1
            and whole.first_prev == self.hash
        )

    def pass_over(self, source: Source, whole: Stretch) -> None:
        """Take a segment that fits as it is."""
        self._clear_doubt(whole.first_prev)
        self.seq, self.hash = whole.last_seq, whole.last_hash
        self._file, self._line = source.file, whole.lines
        self.entries += whole.lines

    def go_through(self, source: Source, after: Stretch | None) -> None:
        """Read a segment line by line; `after` is what the next one that is not empty holds."""
        self._source, self._after = source, after
        window: deque[Line] = deque()
        lines = self._lines(source)
        while True:
            while len(window) < _FORESIGHT and (line := next(lines, None)) is not None:
                window.append(line)
            if not window:
                break
            if self._strays:
                self._put_in(window[0].number - 2 * _FORESIGHT)
            if not self._moved():
                self._step(window)
        self._moved()
        self._put_in()

    def finish(self, present: set[str]) -> None:
        """Compare the end of the chain with the head. `present` are the segments that there are."""
        head = self._head
        if head is None:
            return
        if self._doubted is not None and self._blamed != self.seq:
            self._blame(
                self.seq, self._line, "the last line is not the one that the head was written for", self._file
            )
        if head.durable > head.seq or not (self._head_fits or self.faults):
            self._head_differs()
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

    def _lines(self, source: Source) -> Iterator[Line]:
        try:
            yield from lines_of(source.blocks())
        except DamagedError as error:
            text = "the archive ends too early" if error.kind == TORN else "the archive's bytes were changed"
            self.faults.add(error.kind, source.file, self.seq + 1, text)

    # One step: the first line of the window, judged by what lies behind it.

    def _step(self, window: deque[Line]) -> None:
        line = window[0]
        if not line.ended:
            self._unended(window.popleft())
        elif line.seq is not None and line.prev == self.hash:
            self._successor(window)
        elif pieces := line.pieces():
            window.popleft()
            window.extendleft(reversed(pieces))
            self._blame(self.seq + 1, line.number, "the newline at the line's end was changed")
        elif later := self._later(window):
            self._strays += [(self.seq, window.popleft()) for _ in range(later)]
        elif line.seq is None:
            self._no_entry(window)
        else:
            self._misfit(window, line.seq)

    def _later(self, window: deque[Line]) -> int:
        """How many lines to pass for the one that goes on, here or in the next segment; 0 if none does."""
        for index, line in enumerate(window):
            if line.prev == self.hash and line.seq == self.seq + 1 and line.ended:
                return index
        after = self._after
        if after is None or len(window) >= _FORESIGHT:
            return 0
        return len(window) if (after.first_seq, after.first_prev) == (self.seq + 1, self.hash) else 0

    def _accept(self, line: Line, seq: int, hash: str | None = None) -> None:
        """The line is the entry `seq`; the next one must hold `hash` (its own if not given)."""
        self._clear_doubt(line.prev)
        self.seq, self.hash = seq, hash or line.hash
        self._file, self._line = self._source.file, line.number
        self.entries += 1
        head = self._head
        if head is not None and head.seq == seq:
            if self.hash != head.hash:
                self._doubted = line
            self._head_fits = head.offset in (0, line.end)  # 0: its segment was only begun

    def _clear_doubt(self, prev: str) -> None:
        """The line after the one that the head disagrees with tells which of the two was touched."""
        if self._doubted is not None and prev == self._doubted.hash:
            self._head_differs()
        self._doubted = None

    def _head_differs(self) -> None:
        assert self._head is not None
        self.faults.add(ALTERED, HEAD, self._head.seq, "the head does not say what the segments show")

    def _blame(self, seq: int, line: int, text: str, file: str = "") -> None:
        self.faults.add(ALTERED, file or self._source.file, seq, text, line=line)
        self._blamed = seq

    def _successor(self, window: deque[Line]) -> None:
        """A line that holds the right hash; its number may be wrong all the same."""
        line, due = window.popleft(), self.seq + 1
        assert line.seq is not None
        if line.seq == due:
            self._accept(line, due)
            return
        confirmed = bool(window) and window[0].prev == line.hash and window[0].seq == line.seq + 1
        if confirmed and line.seq > due:
            self._gap(due, line.seq - 1, line.number)
        else:
            self._blame(due, line.number, f"the entry's number was changed to {line.seq}")
        self._accept(line, line.seq if confirmed else due)

    def _misfit(self, window: deque[Line], seq: int) -> None:
        """An entry that does not hold the hash of the one before it."""
        line, due = window.popleft(), self.seq + 1
        following = window[0] if window else None
        at_head = self._head is not None and self._head.seq == due
        if seq == due:
            self._mismatch(line, following)
        elif following.seq == due + 1 if following else at_head:
            self._blame(due, line.number, f"the entry was changed, its number to {seq}")
            self._accept(line, due)
        elif seq > due:
            self._gap(due, seq - 1, line.number)
            self._accept(line, seq)
        else:
            self._strays.append((self.seq, line))

    def _mismatch(self, line: Line, following: Line | None) -> None:
        """The numbers go on, the hashes do not: this line's `prev` was touched, or the line before it."""
        due = self.seq + 1
        if self.hash is None:
            self._accept(line, due)
            return
        restored = line.restored(self.hash)
        if restored == self._confirmation(due, following):
            self._blame(due, line.number, "the line's `prev` was changed")
            self._accept(line, due, restored)
            return
        if not self._file and self.seq:
            self._gap(1, self.seq, line.number)
        elif not self._file or self._vouched():
            self._blame(due, line.number, "the line's `prev` is not the hash of the entry before it")
        elif self._blamed != self.seq:
            self._blame(self.seq, self._line, "the line was changed after it was written", self._file)
        self._accept(line, due)

    def _vouched(self) -> bool:
        """Whether the head vouches for the entry that was reached."""
        return self._head is not None and (self._head.seq, self._head.hash) == (self.seq, self.hash)

    def _confirmation(self, seq: int, following: Line | None) -> str | None:
        """What the hash of entry `seq` must be, by the line after it or by the head."""
        if following is not None:
            return following.prev if following.seq == seq + 1 else None
        if self._after is not None and self._after.first_seq == seq + 1:
            return self._after.first_prev
        return self._head.hash if self._head is not None and self._head.seq == seq else None

    def _no_entry(self, window: deque[Line]) -> None:
        """Lines that are no entries: changed ones, split ones, put in, or a torn tail."""
        run = []
        while window and window[0].seq is None and window[0].ended:
            run.append(window.popleft())
        due, first, file = self.seq + 1, run[0].number, self._source.file
        last = self._last_of(window, len(run))
        if last is None:
            self._torn_tail(first, len(run), sum(len(line.data) + 1 for line in run))
        elif last < due:
            self._strays += [(self.seq, line) for line in run]
        else:
            text = "the line is no entry any more"
            self.faults.add(ALTERED, file, due, text, last_seq=last, line=first, lines=len(run))
            self.seq, self.hash, self._blamed = last, None, last
            self._file, self._line = file, run[-1].number

    def _last_of(self, window: deque[Line], count: int) -> int | None:
        """The last entry that `count` damaged lines stand for; None if they are a torn tail."""
        following = next((line.seq for line in window if line.seq is not None), None)
        if following is None and self._after is not None:
            following = self._after.first_seq or None
        if following is not None:
            return min(following - 1, self.seq + count)
        head = self._head
        return None if head is None or self.seq >= head.seq else min(self.seq + count, head.seq)

    def _unended(self, line: Line) -> None:
        """What lies behind the last newline."""
        source, due, head = self._source, self.seq + 1, self._head
        at_end = self._after is None
        cut = at_end and head is not None and source.size < head.offset and source.name == head.segment
        for data in () if cut else (line.data, line.data[:-1]):
            whole = Line.of(line.number, data, True, line.end)
            if whole.seq == due and whole.prev == self.hash and whole.hash == self._confirmation(due, None):
                self._blame(due, line.number, "the newline at the line's end was changed")
                self._accept(whole, due)
                return
        if not at_end:
            self.faults.add(TORN, source.file, due, "the line ends too early", line=line.number)
        elif head is None or self.seq >= head.seq:
            self._torn_tail(line.number, 1, len(line.data))
        elif not cut:
            self._blame(due, line.number, "the last line was changed after it was written")
            self.seq, self.hash = due, None

    def _torn_tail(self, line: int, lines: int, size: int) -> None:
        """What a dead writer left behind the last entry; a living one that holds the lock is no fault."""
        if self._still or self._head is None:
            text = f"{size} bytes behind the last entry, never acknowledged; the next writer cuts them"
            self.faults.add(TORN, self._source.file, self.seq + 1, text, line=line, lines=lines)
        else:
            self.notes.append(
                f"a writer holds the lock and is half way through seq {self.seq + 1}: not checked"
            )

    # What was removed, put in, moved.

    def _gap(self, first: int, last: int, line: int) -> None:
        text = f"{_entries(last - first + 1)} gone before this line"
        if not self._file:
            text = (
                f"the beginning is gone: {_entries(last - first + 1)} gone, and no retention accounts for it"
            )
        elif line == 1:
            text += f", the first behind {self._file}: cut there, or a segment was removed or renamed"
        self.faults.add(MISSING, self._source.file, first, text, last_seq=last, line=line)

    def _moved(self) -> bool:
        """Take in lines that were passed and go on here; whether there were any."""
        before, first = self.seq, 0
        while (index := self._stray_that_goes_on()) >= 0:
            _, line = self._strays.pop(index)
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

    def _stray_that_goes_on(self) -> int:
        for index, (_, line) in enumerate(self._strays):
            if line.seq == self.seq + 1 and line.prev == self.hash:
                return index
        return -1

    def _put_in(self, before: int | None = None) -> None:
        """Name the lines that were passed and belong nowhere: all, or those before a line."""
        named = [(seq, line) for seq, line in self._strays if before is None or line.number < before]
        self._strays = [
            (seq, line) for seq, line in self._strays if before is not None and line.number >= before
        ]
        for seq, line in named:
            self.faults.add(
                ALTERED, self._source.file, seq, f"line inserted after seq {seq}", line=line.number
            )


def _entries(count: int) -> str:
    return "1 entry is" if count == 1 else f"{count} entries are"
