"""One table of what was measured, each figure beside its peer's of the same run."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measurement: ours, the peer's, and the ratio; `goal` is what it should reach, never enforced."""

    what: str
    ours: str
    peer: str = ""
    ratio: str = ""
    goal: str = ""


def print_table(rows: Sequence[Row]) -> None:
    """The rows under their headings, columns aligned."""
    cells = [("measured", "ours", "beside it", "ratio", "goal")]
    cells += [(row.what, row.ours, row.peer, row.ratio, row.goal) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    for number, line in enumerate(cells):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def progress(text: str) -> None:
    """Say on stderr what is measured now: the table comes at the end."""
    print(f"… {text}", file=sys.stderr, flush=True)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def paired_ratio(ours: Sequence[float], peer: Sequence[float]) -> str:
    """The median of the ratios round by round (a machine's drift hits both), and their range."""
    ratios = [mine / other for mine, other in zip(ours, peer, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
