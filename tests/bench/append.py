"""How fast entries become durable, with one writer and with many, beside bare loops."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.bench.commands import PYTHON, environment
from tests.bench.table import Row, median, paired_ratio, progress

WRITERS = Path(__file__).with_name("writers.py")
KINDS = ("bare", "log_action", "logging", "locked", "sync_inside")


@dataclass(frozen=True)
class Run:
    """What a group of writers reached in one round."""

    per_second: float
    p50: float
    p99: float


def measure(directory: Path, quick: bool) -> list[Row]:
    rows = []
    rounds, entries = (3, 600) if quick else (7, 4000)
    for processes in (1, 4, 16):
        runs: dict[str, list[Run]] = {kind: [] for kind in KINDS}
        for number in range(rounds):
            for kind in KINDS:
                progress(f"append: {processes} x {kind}, round {number + 1} of {rounds}")
                runs[kind].append(_round(kind, processes, entries // processes, directory))
        rows += _rows(processes, runs)
    return rows


def _round(kind: str, processes: int, count: int, directory: Path) -> Run:
    writers = [
        subprocess.Popen(
            [PYTHON, str(WRITERS), kind, str(count), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(directory),
        )
        for _ in range(processes)
    ]
    answers = []
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        for writer in writers:
            answers.append(json.loads(writer.communicate(timeout=300)[0]))
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    latencies = sorted(value for answer in answers for value in answer["latencies"])
    span = max(answer["end"] for answer in answers) - min(answer["begin"] for answer in answers)
    return Run(len(latencies) / span, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100])


def _rows(processes: int, runs: dict[str, list[Run]]) -> list[Row]:
    def figure(kind: str, name: str) -> list[float]:
        return [getattr(run, name) for run in runs[kind]]

    def row(name: str, peer: str, label: str, goal: str = "") -> Row:
        unit = "/s" if name == "per_second" else " us"
        return Row(
            f"log_action, {processes:>2} writers: {label}",
            f"{median(figure('log_action', name)):.0f}{unit}",
            f"{median(figure(peer, name)):.0f}{unit} {PEERS[peer]}",
            paired_ratio(figure("log_action", name), figure(peer, name)),
            goal,
        )

    rows = [
        row("p50", "bare", "p50", "<= 1.3" if processes == 1 else ""),
        row("p99", "bare", "p99"),
        row("p50", "logging", "p50"),
        row("per_second", "bare", "entries"),
        row("per_second", "logging", "entries"),
    ]
    if processes > 1:
        rows.append(row("per_second", "locked", "entries"))
        rows.append(row("per_second", "sync_inside", "entries", ">= 2.5" if processes == 16 else ""))
    return rows


PEERS = {
    "bare": "write + fdatasync",
    "logging": "logging + fsync",
    "locked": "bare, sync inside a lock",
    "sync_inside": "log_action, sync inside the lock",
}
