"""Free space on a mount by the configured clean-ups, in their order, until there is enough."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, Probe, RepairError, RepairResult
from qt_repair.host import rights
from qt_repair.host.process import as_root, run
from qt_repair.host.sizes import MB, format_bytes
from qt_repair.host.space import Space, space_of
from qt_repair.kinds.disk_space.cleanup import (
    CleanupError,
    delete_old_files,
    directory_problem,
    protected_directories,
)
from qt_repair.kinds.disk_space.probe import shortfall

_CLEANED_DIRECTORIES = {"apt_cache": "/var/cache/apt/archives", "journal": "/var/log/journal"}
"""The directories that the clean-ups empty. One that is on another file system is left alone."""


class FreeSpace:
    """Runs the clean-ups, and measures after each how much space is free."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._settings = settings
        self._mount: str = settings["mount"]
        self._home = home

    def intent(self, finding: Finding) -> str:
        return f"Auto-repair: Freeing space on {self._mount}"

    def sentence(self, finding: Finding) -> str:
        return f"Auto-repair: Freed space on {self._mount}"

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Raises RepairError, which says what was freed, if there is still too little."""
        deadline, free_before = time.monotonic() + timeout, self._space().free
        done: list[dict[str, Any]] = []
        for cleanup in self._settings["cleanups"]:
            if self._has_enough() or time.monotonic() >= deadline:
                break
            before = self._space().free
            cleaned = self._run_cleanup(cleanup, deadline)
            done.append({**cleaned, "freed_mb": round(max(0, self._space().free - before) / MB, 1)})
        now = self._space()
        missing, freed = shortfall(self._settings, now), max(0, now.free - free_before)
        if missing:
            late = " (time was over)" if time.monotonic() >= deadline else ""
            still = f"still {' and '.join(missing)} too little{late}"
            raise RepairError(
                f"freed {format_bytes(freed)} on {self._mount}, {still}",
                output="\n".join(_cleanup_text(cleaned) for cleaned in done),
            )
        return RepairResult(f"Auto-repair: Freed {format_bytes(freed)} on {self._mount}", {"cleanups": done})

    def _space(self) -> Space:
        try:
            return space_of(self._mount)
        except OSError as error:
            raise RepairError(f"{self._mount} cannot be looked at: {error.strerror}") from None

    def _has_enough(self) -> bool:
        return not shortfall(self._settings, self._space())

    def _run_cleanup(self, cleanup: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        """Run a clean-up: its name and result. One that fails does not stop the others."""
        name, value = next(iter(cleanup.items()))
        try:
            if name == "files":
                return {"cleanup": f"files below {value['below']}", **self._delete_files(value, deadline)}
            if not value:
                return {"cleanup": name, "left_out": "switched off"}
            place = _CLEANED_DIRECTORIES[name]
            if os.path.isdir(place) and os.stat(place).st_dev != os.stat(self._mount).st_dev:
                return {"cleanup": name, "left_out": f"{place} lies on another file system"}
            return {"cleanup": name, **_run_as_root(_argv(name, value), deadline)}
        except RepairError as error:
            return {"cleanup": name, "failed": str(error)}

    def _delete_files(self, files: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        below = files["below"]
        problem = directory_problem(below, self._home)
        if problem is not None:
            return {"left_out": problem}
        try:
            deleted = delete_old_files(
                os.path.join(os.path.realpath(self._home), below),
                files["pattern"],
                files["older_than_days"],
                time.time(),
                device=os.stat(self._mount).st_dev,
                protected=protected_directories(self._home),
                enough=lambda: self._has_enough() or time.monotonic() >= deadline,
            )
        except CleanupError as error:
            return {"left_out": str(error)}
        names = {"first": deleted.names} if deleted.names else {}
        return {"deleted": deleted.count, **names}


def _run_as_root(argv: list[str], deadline: float) -> dict[str, Any]:
    command = as_root(argv)
    done = run(command, max(1.0, deadline - time.monotonic()), env=rights.english_environment())
    if done.exit_code == 0:
        return {}
    if command != argv and rights.is_sudo_refusal(done.output):
        return {"failed": rights.refusal_text(command)}
    return {"failed": f"ended with {done.exit_code}: {done.shown_output[-200:]}"}


def _argv(name: str, value: Any) -> list[str]:
    """The command of a clean-up that is run as root. Pure."""
    if name == "apt_cache":
        return ["/usr/bin/apt-get", "clean"]
    return ["/usr/bin/journalctl", f"--vacuum-size={value}"]


def _cleanup_text(cleaned: Mapping[str, Any]) -> str:
    words = [f"{key} {value}" for key, value in cleaned.items() if key in ("deleted", "left_out", "failed")]
    return "; ".join([f"{cleaned['cleanup']}: freed {cleaned['freed_mb']} MB", *words])


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that are run as root. Pure."""
    named = [next(iter(cleanup.items())) for cleanup in settings["cleanups"]]
    return [_argv(name, value) for name, value in named if name != "files" and value]


REPAIR = FreeSpace
