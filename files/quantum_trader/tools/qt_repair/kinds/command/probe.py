"""Run the operator's own program: exit status 0 means healthy, any other one unhealthy.

If the program cannot be run (it is missing or not executable: 126 and 127) or does not end in time, the state
is unknown and nothing is repaired. To make a check that hangs count as unhealthy, let it end by itself:
[/usr/bin/timeout, "5", …] ends with 124.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qt_repair.finding import Finding, ProbeError, RepairError
from qt_repair.host import rights
from qt_repair.host.process import SUDO, as_root, run

_SHOWN = 200
"""The most characters of a program's last line that are shown."""


class CommandProbe:
    """One argument list, run in QT_HOME."""

    def __init__(self, settings: Mapping[str, Any], home: str) -> None:
        self._argv = runnable(settings["probe"])
        self._home = home

    def check(self, timeout: float) -> Finding:
        """Run it. Raises ProbeError."""
        try:
            done = run(self._argv, timeout, cwd=self._home)
        except RepairError as error:
            raise ProbeError(str(error)) from None
        if done.exit_code and tuple(self._argv[: len(SUDO)]) == SUDO and rights.is_sudo_refusal(done.output):
            raise ProbeError(rights.refusal_text(self._argv))
        if done.exit_code in (126, 127):
            raise ProbeError(f"{name(self._argv)} cannot be run (exit code {done.exit_code})")
        output = done.shown_output
        said = f": {last_line(output)}" if output else ""
        summary = f"{name(self._argv)} ended with {done.exit_code}{said}"
        return Finding(done.exit_code == 0, summary, {"exit_code": done.exit_code, "output": output[-1000:]})


def runnable(argv: Sequence[str]) -> list[str]:
    """The list as it is run: one that begins with sudo is run by this program's own sudo command."""
    inner = sudo_part(argv)
    return list(argv) if inner is None else as_root(inner)


def sudo_part(argv: Sequence[str]) -> list[str] | None:
    """The part of a list that sudo runs as root; None if it does not begin with sudo. Pure."""
    if os.path.basename(argv[0]) != "sudo":
        return None
    rest = list(argv[1:])
    while rest and rest[0] in ("-n", "--non-interactive", "--"):
        if rest.pop(0) == "--":
            break
    return rest


def name(argv: Sequence[str]) -> str:
    """The program of a list, for people. Its arguments may hold secrets."""
    words = argv[len(SUDO) :] if tuple(argv[: len(SUDO)]) == SUDO else argv
    return os.path.basename(words[0])


def last_line(output: str) -> str:
    """The last line of the output, shortened."""
    line = (output.strip().splitlines() or [""])[-1].strip()
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The faults in the settings that the schema cannot name. Pure."""
    return [
        *_problems("probe", settings["probe"]),
        *_problems("repair", settings["repair"]),
    ]


def _problems(key: str, argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    if any("\0" in word for word in argv):
        yield key, "must hold no NUL character"
    inner = sudo_part(argv)
    if inner is None:
        return
    if not inner or not inner[0].startswith("/"):
        yield key, "must name the program's whole path right after sudo: [sudo, /usr/bin/systemctl, …]"
    elif any(re.search(r"[*?\[\]\\!\"\s]", word) or not word for word in inner):
        yield (
            key,
            "must hold no space, quote or wildcard where sudo is used: sudoers could not name it exactly",
        )


PROBE = CommandProbe
