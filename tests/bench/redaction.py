"""What the redaction of a text of 200 bytes costs, by what the text holds."""

from __future__ import annotations

import time
from pathlib import Path

from qt_audit.settings.redaction import Redactor
from tests.bench.table import Row, median, paired_ratio, progress

_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TEXTS = {
    "prose": "Auto-repair: Restarted Grafana container after three failed probes; it answers again",
    "paths and figures": "Weekly self-heal: status/reports/2026-11-23.md, exit code 0: 12 passed (3.2 s)",
    "a hash": f"Verified the record: 4711 entries, head 4711:{_HASH}, no fault",
    "words about secrets": "The password policy was checked, the token service answers, no secret is old",
    "secrets": "postgres://qt:hunter22@db.example.com/q failed with --password hunter22, token=abc123",
}
"""Each is filled up to 200 bytes."""


def measure(directory: Path, quick: bool) -> list[Row]:
    """A row for each kind of text, beside the prose of the same round."""
    rounds, calls = (5, 500) if quick else (15, 3000)
    redactor = Redactor()
    spent: dict[str, list[float]] = {kind: [] for kind in TEXTS}
    for number in range(rounds):
        progress(f"redaction: round {number + 1} of {rounds}")
        for kind, text in TEXTS.items():
            spent[kind].append(_microseconds(redactor, text.ljust(200, "."), calls))
    prose = spent["prose"]
    return [
        Row(
            f"redaction of 200 bytes: {kind}",
            f"{median(values):.1f} us",
            f"{median(prose):.1f} us prose",
            paired_ratio(values, prose),
        )
        for kind, values in spent.items()
    ]


def _microseconds(redactor: Redactor, text: str, calls: int) -> float:
    redactor.text(text)
    begin = time.perf_counter()
    for _ in range(calls):
        redactor.text(text)
    return (time.perf_counter() - begin) / calls * 1e6
