"""Run numbered tasks in forked processes; a process that has finished one takes the next.

The processes inherit open files. They start sooner than a pool of the standard library can be imported.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, BinaryIO, NoReturn

_NUMBER_BYTES = 8
"""Bytes of a task's number in the pipe."""


def run_in_processes(
    work: Callable[[int], Sequence[Any]], count: int, jobs: int
) -> Generator[tuple[int, Any], None, None]:
    """Do work(0) to work(count - 1) in `jobs` processes; yield (number, result) as each is done.

    A result must be JSON of less than 4,000 bytes, so that two results never mix in the pipe. The result of a
    task that fails or whose process dies is missing: run that task alone to see the error.
    """
    (task_output, task_input), (result_output, result_input) = _pipe(), _pipe()
    pids: list[int] = []
    try:
        with task_output, result_input:
            for _ in range(jobs):
                try:
                    pid = os.fork()
                except OSError:  # no memory or too many processes: use fewer
                    break
                if pid == 0:
                    _run_worker(work, task_output, result_input, (task_input, result_output))
                pids.append(pid)
        numbers = iter(range(count))
        _send_tasks(numbers, 2 * jobs, task_input)  # two for each process, so that none waits for the next
        for answer in result_output:
            _send_tasks(numbers, 1, task_input)
            number, result = json.loads(answer)
            yield number, result
    finally:
        task_input.close()
        result_output.close()
        for pid in pids:
            os.waitpid(pid, 0)


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """Both ends of a pipe, unbuffered: a number or a result is one read or write, which is never split."""
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0)


def _send_tasks(numbers: Iterator[int], count: int, task_input: BinaryIO) -> None:
    """Send the next numbers, and close the pipe after the last one, so that no process waits for more."""
    for _ in range(count):
        number = next(numbers, None)
        if number is None:
            task_input.close()
            return
        try:
            task_input.write(number.to_bytes(_NUMBER_BYTES, "little"))
        except BrokenPipeError:  # all processes died
            return


def _run_worker(
    work: Callable[[int], Sequence[Any]],
    task_output: BinaryIO,
    result_input: BinaryIO,
    unused_ends: tuple[BinaryIO, ...],
) -> NoReturn:
    """Run one task after the other until there are none, then end this process."""
    try:
        for end in unused_ends:
            end.close()
        while number := task_output.read(_NUMBER_BYTES):
            task = int.from_bytes(number, "little")
            result_input.write(json.dumps([task, work(task)]).encode("ascii") + b"\n")
    finally:
        os._exit(0)
