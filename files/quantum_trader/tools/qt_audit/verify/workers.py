"""Spread pieces of work over forked processes: who is done with one takes the next.

They inherit what is open, and are at work before a pool of the standard library is imported.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, BinaryIO, NoReturn

_NUMBER = 8
"""Bytes of a piece's number on its way to whoever takes it."""


def spread(
    work: Callable[[int], Sequence[Any]], count: int, jobs: int
) -> Generator[tuple[int, Any], None, None]:
    """Do work(0) to work(count - 1) in `jobs` processes; yield (number, result) as each is done.

    A result is what JSON has a form for, in less than 4,000 bytes: so two never mix in the pipe.
    What a process fails at or dies over is missing: do that alone, and see why.
    """
    (to_do, hand_out), (done, report) = _pipe(), _pipe()
    pids: list[int] = []
    try:
        with to_do, report:
            for _ in range(jobs):
                try:
                    pid = os.fork()
                except OSError:  # no memory, no more processes: then fewer
                    break
                if pid == 0:
                    _take(work, to_do, report, (hand_out, done))
                pids.append(pid)
        numbers = iter(range(count))
        _hand_out(numbers, 2 * jobs, hand_out)  # a second one each, so that nobody waits for us
        for answer in done:
            _hand_out(numbers, 1, hand_out)
            number, result = json.loads(answer)
            yield number, result
    finally:
        hand_out.close()
        done.close()
        for pid in pids:
            os.waitpid(pid, 0)


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """Its ends, unbuffered: a number or a result is one read or write, and these are never torn."""
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0)


def _hand_out(numbers: Iterator[int], count: int, hand_out: BinaryIO) -> None:
    """Hand out the next numbers, and close the pipe behind the last: then nobody waits for more."""
    for _ in range(count):
        number = next(numbers, None)
        if number is None:
            hand_out.close()
            return
        try:
            hand_out.write(number.to_bytes(_NUMBER, "little"))
        except BrokenPipeError:  # they died, all of them
            return


def _take(
    work: Callable[[int], Sequence[Any]], to_do: BinaryIO, report: BinaryIO, others: tuple[BinaryIO, ...]
) -> NoReturn:
    """What a process does: a piece after the other, until there are none."""
    try:
        for end in others:
            end.close()
        while number := to_do.read(_NUMBER):
            piece = int.from_bytes(number, "little")
            report.write(json.dumps([piece, work(piece)]).encode("ascii") + b"\n")
    finally:
        os._exit(0)
