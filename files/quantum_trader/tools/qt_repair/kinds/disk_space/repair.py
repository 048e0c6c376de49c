"""Make room on a mount: the configured clean-ups in their order, until there is enough."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, Mended, Probe, RepairError
from qt_repair.host import rights
from qt_repair.host.process import as_root, run
from qt_repair.host.sizes import MB, human
from qt_repair.host.space import Space, space
from qt_repair.kinds.disk_space.cleanup import CleanupError, delete_old, kept, refusal
from qt_repair.kinds.disk_space.probe import lacking

_PLACES = {"apt_cache": "/var/cache/apt/archives", "journal": "/var/log/journal"}
"""What a clean-up empties; where that lies on another file system, it is left alone."""


class FreeSpace:
    """Each clean-up is measured by what the file system has free after it."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._settings = settings
        self._mount: str = settings["mount"]
        self._home = home

    def intent(self, found: Finding) -> str:
        return f"Auto-repair: Freeing space on {self._mount}"

    def sentence(self, found: Finding) -> str:
        return f"Auto-repair: Freed space on {self._mount}"

    def mend(self, found: Finding, timeout: float) -> Mended:
        """Raises RepairError, which says what was freed, where there still is too little."""
        deadline, first = time.monotonic() + timeout, self._now().free
        done: list[dict[str, Any]] = []
        for cleanup in self._settings["cleanups"]:
            if self._enough() or time.monotonic() >= deadline:
                break
            before = self._now().free
            what = self._clean(cleanup, deadline)
            done.append({**what, "freed_mb": round(max(0, self._now().free - before) / MB, 1)})
        now = self._now()
        missing, freed = lacking(self._settings, now), max(0, now.free - first)
        if missing:
            late = " (time was over)" if time.monotonic() >= deadline else ""
            raise RepairError(
                f"freed {human(freed)} on {self._mount}, still {' and '.join(missing)} too little{late}",
                output="\n".join(_line(what) for what in done),
            )
        return Mended(f"Auto-repair: Freed {human(freed)} on {self._mount}", {"cleanups": done})

    def _now(self) -> Space:
        try:
            return space(self._mount)
        except OSError as error:
            raise RepairError(f"{self._mount} cannot be looked at: {error.strerror}") from None

    def _enough(self) -> bool:
        return not lacking(self._settings, self._now())

    def _clean(self, cleanup: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        """One clean-up: what it was, and what came of it. One that fails stops no other."""
        name, value = next(iter(cleanup.items()))
        try:
            if name == "files":
                return {"cleanup": f"files below {value['below']}", **self._files(value, deadline)}
            if not value:
                return {"cleanup": name, "left_out": "switched off"}
            place = _PLACES[name]
            if os.path.isdir(place) and os.stat(place).st_dev != os.stat(self._mount).st_dev:
                return {"cleanup": name, "left_out": f"{place} lies on another file system"}
            return {"cleanup": name, **_as_root(_argv(name, value), deadline)}
        except RepairError as error:
            return {"cleanup": name, "failed": str(error)}

    def _files(self, files: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        below = files["below"]
        problem = refusal(below, self._home)
        if problem is not None:
            return {"left_out": problem}
        try:
            deleted = delete_old(
                os.path.join(os.path.realpath(self._home), below),
                files["pattern"],
                files["older_than_days"],
                time.time(),
                device=os.stat(self._mount).st_dev,
                keep=kept(self._home),
                enough=lambda: self._enough() or time.monotonic() >= deadline,
            )
        except CleanupError as error:
            return {"left_out": str(error)}
        names = {"first": deleted.names} if deleted.names else {}
        return {"deleted": deleted.count, **names}


def _as_root(argv: list[str], deadline: float) -> dict[str, Any]:
    command = as_root(argv)
    done = run(command, max(1.0, deadline - time.monotonic()), env=rights.plain_words())
    if done.exit_code == 0:
        return {}
    if command != argv and rights.said_no(done.output):
        return {"failed": rights.explained(command)}
    return {"failed": f"ended with {done.exit_code}: {done.said[-200:]}"}


def _argv(name: str, value: Any) -> list[str]:
    """What a clean-up runs as root. Pure."""
    if name == "apt_cache":
        return ["/usr/bin/apt-get", "clean"]
    return ["/usr/bin/journalctl", f"--vacuum-size={value}"]


def _line(what: Mapping[str, Any]) -> str:
    words = [f"{key} {value}" for key, value in what.items() if key in ("deleted", "left_out", "failed")]
    return "; ".join([f"{what['cleanup']}: freed {what['freed_mb']} MB", *words])


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that are run as root. Pure."""
    named = [next(iter(cleanup.items())) for cleanup in settings["cleanups"]]
    return [_argv(name, value) for name, value in named if name != "files" and value]


REPAIR = FreeSpace
