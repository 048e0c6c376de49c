"""Run the operator's own program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, Probe, RepairError, RepairResult
from qt_repair.host import rights
from qt_repair.host.process import SUDO, run
from qt_repair.kinds.command.probe import last_line, name, runnable, sudo_part


class RunCommand:
    """One argument list, run in QT_HOME. Exit status 0 means that it has done its work."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._argv = runnable(settings["repair"])
        self._sentence: str = settings["sentence"]
        self._intent: str = settings.get("intent") or f"{self._sentence} - started"
        self._home = home

    def intent(self, finding: Finding) -> str:
        return self._intent

    def sentence(self, finding: Finding) -> str:
        return self._sentence

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Run it. Raises RepairError unless it ends with 0."""
        done = run(self._argv, timeout, cwd=self._home)
        output = done.shown_output
        if done.exit_code:
            if tuple(self._argv[: len(SUDO)]) == SUDO and rights.is_sudo_refusal(done.output):
                raise RepairError(rights.refusal_text(self._argv), done.exit_code, output)
            said = f": {last_line(output)}" if output else ""
            raise RepairError(f"{name(self._argv)} ended with {done.exit_code}{said}", done.exit_code, output)
        return RepairResult(self._sentence, {"output": output, "duration_s": round(done.duration_s, 3)})


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that are run as root: those that begin with sudo. Pure."""
    inner = [sudo_part(settings[key]) for key in ("probe", "repair")]
    return [argv for argv in inner if argv]


REPAIR = RunCommand
