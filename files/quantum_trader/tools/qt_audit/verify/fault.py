"""A fault of the record: its kind, file, entry and line; as data and as one line of text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

ALTERED, MISSING, TORN, TRUNCATED = "altered", "missing", "torn", "truncated"
_MAX_FAULTS = 1000


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `seq` to `last_seq` are the entries concerned; `line` counts from 1."""

    kind: str
    file: str
    seq: int | None
    last_seq: int | None
    line: int | None
    text: str
    lines: int = 1
    """How many lines in a row show it."""

    def as_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __str__(self) -> str:
        where = [self.file]
        if self.line is not None:
            where.append(
                f"lines {self.line} to {self.line + self.lines - 1}"
                if self.lines > 1
                else f"line {self.line}"
            )
        if self.seq is not None:
            where.append(
                f"seq {self.seq}" if self.last_seq == self.seq else f"seq {self.seq} to {self.last_seq}"
            )
        return f"{self.kind}: {', '.join(where)}: {self.text}"


class Faults:
    """The faults found. Equal faults of neighbouring lines become one; above a limit, faults are counted."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.more = 0

    def add(
        self,
        kind: str,
        file: str,
        seq: int | None,
        text: str,
        *,
        last_seq: int | None = None,
        line: int | None = None,
        lines: int = 1,
    ) -> None:
        """Add a fault, or extend the last one: a file of changed lines becomes one fault, not a million."""
        fault = Fault(kind, file, seq, seq if last_seq is None else last_seq, line, text, lines)
        if self.found and _are_neighbours(self.found[-1], fault):
            last = self.found[-1]
            self.found[-1] = replace(last, last_seq=fault.last_seq, lines=last.lines + lines)
        elif len(self.found) < _MAX_FAULTS:
            self.found.append(fault)
        else:
            self.more += 1

    def __len__(self) -> int:
        return len(self.found) + self.more


def _are_neighbours(last: Fault, fault: Fault) -> bool:
    """Whether two faults are equal and concern lines that follow each other."""
    if (last.kind, last.file, last.text) != (fault.kind, fault.file, fault.text):
        return False
    if last.line is None or fault.line != last.line + last.lines or last.last_seq is None:
        return False
    return fault.seq in (last.last_seq, last.last_seq + 1)
