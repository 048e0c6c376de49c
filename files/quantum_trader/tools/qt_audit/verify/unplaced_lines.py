"""Lines that do not continue the chain where they are: they were moved there or inserted."""

from __future__ import annotations

from qt_audit.reading.lines import Line


class UnplacedLines:
    """Unplaced lines of a segment, each with the number of the last entry before it."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, Line]] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, seq: int, line: Line) -> None:
        """Add a line that stands after entry `seq`."""
        self._lines.append((seq, line))

    def prevs(self) -> set[str]:
        """The `prev` of each line."""
        return {line.prev for _, line in self._lines}

    def first_number(self) -> int:
        """The number of the line that was added first. Raises IndexError if there is none."""
        return self._lines[0][1].number

    def pop_successor(self, seq: int, hash: str | None) -> Line | None:
        """Remove and return the line that continues the chain after this entry; None if there is none."""
        for index, (_, line) in enumerate(self._lines):
            if line.seq == seq + 1 and line.prev == hash:
                return self._lines.pop(index)[1]
        return None

    def pop_before(self, number: int | None) -> list[tuple[int, Line]]:
        """Remove and return the lines before a line number; all lines if it is None."""
        if number is None:
            popped, self._lines = self._lines, []
            return popped
        popped = [(seq, line) for seq, line in self._lines if line.number < number]
        self._lines = [(seq, line) for seq, line in self._lines if line.number >= number]
        return popped
