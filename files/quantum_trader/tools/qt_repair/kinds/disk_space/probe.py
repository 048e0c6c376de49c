"""Check that a mount has enough free space and inodes, without root's reserve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qt_repair.finding import Finding, ProbeError
from qt_repair.host.sizes import MB, format_bytes
from qt_repair.host.space import Space, mount_of, mount_points, space_of
from qt_repair.kinds.disk_space.cleanup import directory_problem


class SpaceProbe:
    """One mount point."""

    def __init__(self, settings: Mapping[str, Any], home: str) -> None:
        self._settings = settings
        self._home = home

    def check(self, timeout: float) -> Finding:
        """Raises ProbeError, also if nothing is mounted there: the space would be another file system's."""
        for index, cleanup in enumerate(self._settings["cleanups"]):
            problem = directory_problem(cleanup["files"]["below"], self._home) if "files" in cleanup else None
            if problem is not None:
                raise ProbeError(f"cleanups[{index}].files.below {problem}")
        mount = self._settings["mount"]
        return finding_of(self._settings, mount_space(mount))


def mount_space(mount: str) -> Space:
    """The space of a mount point. Raises ProbeError if nothing is mounted there."""
    try:
        if mount not in mount_points():
            found = space_of(mount)  # raises OSError if it does not exist
            raise ProbeError(
                f"nothing is mounted at {mount}: it lies on {mount_of(mount)}, "
                f"which has {format_bytes(found.free)} free"
            )
        return space_of(mount)
    except OSError as error:
        raise ProbeError(f"{mount} cannot be looked at: {(error.strerror or '').lower()}") from None


def finding_of(settings: Mapping[str, Any], now: Space) -> Finding:
    """The finding about this space. Pure."""
    missing = shortfall(settings, now)
    text = f"{settings['mount']} has {format_bytes(now.free)} ({now.free_percent:.0f} %) free"
    if now.inodes and "inodes_free_percent" in settings:
        text += f" and {now.inodes_free_percent:.0f} % of its inodes"
    details: dict[str, Any] = {
        "mount": settings["mount"],
        "free_mb": round(now.free / MB, 1),
        "free_percent": round(now.free_percent, 1),
    }
    if now.inodes:
        details["inodes_free_percent"] = round(now.inodes_free_percent, 1)
    return Finding(not missing, text + (f": {' and '.join(missing)} too little" if missing else ""), details)


def shortfall(settings: Mapping[str, Any], now: Space) -> list[str]:
    """How much is missing, in words; empty if there is enough. Pure."""
    missing = []
    wanted = max(
        settings.get("free_mb", 0) * MB,
        settings.get("free_percent", 0) / 100 * now.size,
    )
    if now.free < wanted:
        missing.append(format_bytes(max(1, wanted - now.free)))
    inodes = settings.get("inodes_free_percent", 0) / 100 * now.inodes
    if now.inodes_free < inodes:
        missing.append(f"{max(1, round(inodes - now.inodes_free))} inodes")
    return missing


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The faults in the settings that the schema cannot name. Pure."""
    return list(_problems(settings))


def _problems(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    mount = settings["mount"]
    if mount != "/" and (mount.endswith("/") or "//" in mount or {".", ".."} & set(mount.split("/"))):
        yield "mount", "must be the plain path of a mount point, as `findmnt` shows it"
    for index, cleanup in enumerate(settings["cleanups"]):
        if "files" in cleanup:
            problem = directory_problem(cleanup["files"]["below"])
            if problem is not None:
                yield f"cleanups[{index}].files.below", problem


PROBE = SpaceProbe
