"""The operator's own repair scripts, as lines of a crontab that record each run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

_KEYS = {"name", "command", "schedule", "message"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_FIELD = re.compile(r"[0-9A-Za-z*/,-]+")


def problems(jobs: Any) -> Iterator[str]:
    """What is wrong in `repair_programs_existing`, a sentence each."""
    if isinstance(jobs, str | Mapping) or not isinstance(jobs, Sequence):
        yield "repair_programs_existing must be a list of mappings with name, command and schedule"
        return
    for number, job in enumerate(jobs):
        where = f"repair_programs_existing[{number}]"
        if not isinstance(job, Mapping) or not {"name", "command", "schedule"} <= set(job) <= _KEYS:
            yield f"{where} must have name, command and schedule, may have message, and nothing else"
            continue
        if not isinstance(job["name"], str) or not _NAME.fullmatch(job["name"]):
            yield f"{where}.name must be of letters, digits and _.-, such as realtime_monitor"
        if not _is_command(job["command"]):
            yield f"{where}.command must be a list of texts, a program's absolute path first"
        if not isinstance(job["schedule"], str) or not _is_schedule(job["schedule"]):
            yield f'{where}.schedule must be the five fields of cron, such as "*/5 * * * *"'
        if not _is_line(job.get("message", "ok")):
            yield f"{where}.message must be one line"


def _is_line(text: Any) -> bool:
    return isinstance(text, str) and bool(text) and text.isprintable()


def _is_command(command: Any) -> bool:
    if isinstance(command, str) or not isinstance(command, Sequence) or not command:
        return False
    return all(map(_is_line, command)) and command[0].startswith("/")


def _is_schedule(text: str) -> bool:
    fields = text.split(" ")
    return len(fields) == 5 and all(map(_FIELD.fullmatch, fields))


def lines(jobs: Sequence[Mapping[str, Any]], user: str, home: str) -> list[str]:
    """A line a job: the audit runs it, and what it prints goes to the journal under its name.

    Without `user` they are lines of an account's own crontab.
    """
    written = []
    for job in jobs:
        words = ["/usr/bin/systemd-cat", f"--identifier={job['name']}"]
        words += ["/usr/bin/python3", f"{home}/tools/audit_logger.py", "run", "--source", str(job["name"])]
        if "message" in job:
            words += ["--message", str(job["message"])]
        command = shlex.join([*words, "--", *map(str, job["command"])])
        # A % that is not escaped ends the command, even between quotes.
        written.append(" ".join([job["schedule"], *([user] if user else []), command]).replace("%", "\\%"))
    return written


class FilterModule:
    """The filters."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """By name."""
        return {
            "repair_programs_job_problems": lambda jobs: list(problems(jobs)),
            "repair_programs_job_lines": lines,
        }
