"""Run whole programs and time them, as the VPS would run them: with the distribution's Python."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "files" / "quantum_trader" / "tools"
TOOL = TOOLS / "audit_logger.py"
PYTHON = "/usr/bin/python3"


def environment(home: Path) -> dict[str, str]:
    """The environment of a measured program: a home of its own, no other setting.

    None of Python's either: where it may keep no bytecode, every start would compile everything.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QT_", "PYTHON"))}
    return {**kept, "QT_HOME": str(home), "HOME": str(home)}


def seconds(argv: Sequence[str], home: Path) -> float:
    """Wall time of one run to its end. Raises if it fails.

    The output is read and forgotten: grep does nothing at all where it goes to /dev/null.
    """
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.PIPE, env=environment(home))
    return time.perf_counter() - begin


def in_turn(commands: Sequence[Sequence[str]], home: Path, rounds: int) -> list[list[float]]:
    """Times of several commands run in turn, A B A B …, after one warm-up of each."""
    times: list[list[float]] = [[] for _ in commands]
    for number in range(rounds + 1):
        for argv, spent in zip(commands, times, strict=True):
            taken = seconds(argv, home)
            if number:
                spent.append(taken)
    return times


def tool(*arguments: str) -> list[str]:
    return [PYTHON, str(TOOL), *arguments]
