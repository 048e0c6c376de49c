"""Check that Docker's build cache and dangling images are within their limit, and its disk not too full."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, ProbeError, RepairError
from qt_repair.host import docker
from qt_repair.host.sizes import MB, format_bytes
from qt_repair.host.space import mount_of, space_of
from qt_repair.kinds.docker_cache.usage import Usage, duration_seconds, parse_usage


class CacheProbe:
    """How much pruning Docker's cache would reclaim, and how full its disk is."""

    def __init__(self, settings: Mapping[str, Any], home: str) -> None:
        self._limit_mb: float | None = settings.get("limit_mb")
        self._disk_usage: Mapping[str, Any] | None = settings.get("disk")
        self._older_than: str = settings["older_than"]

    def check(self, timeout: float) -> Finding:
        """The disk first, because it is quick; Docker's report takes longer. Raises ProbeError."""
        used, mount = (None, "") if self._disk_usage is None else _disk_usage(self._disk_usage["mount"])
        full = (
            used is not None and used > self._disk_usage["level"] if self._disk_usage is not None else False
        )
        usage = _usage(self._older_than, timeout) if full or self._limit_mb is not None else None
        return finding_of(usage, self._limit_mb, self._older_than, used, full, mount)


def finding_of(
    usage: Usage | None, limit_mb: float | None, older_than: str, used: float | None, full: bool, mount: str
) -> Finding:
    """The finding about both. Only what is old enough to be removed counts against the limit. Pure."""
    said, details, over = [], dict[str, Any](), False
    if usage is not None:
        over = limit_mb is not None and usage.old > limit_mb * MB
        limit = "" if limit_mb is None else f" (limit {format_bytes(limit_mb * MB)})"
        said.append(f"{format_bytes(usage.old)} of Docker's cache can go{limit}")
        if usage.total > usage.old:
            said.append(f"{format_bytes(usage.total - usage.old)} was used within {older_than}")
        details = {
            "reclaimable_mb": round(usage.old / MB, 1),
            "younger_mb": round((usage.total - usage.old) / MB, 1),
        }
    if used is not None:
        said.append(f"{mount} is {used:.0f} % full" + (", more than allowed" if full else ""))
        details["disk_used_percent"] = round(used, 1)
    return Finding(not (over or full), "; ".join(said), details)


def _usage(older_than: str, timeout: float) -> Usage:
    try:
        text = docker.run_docker(docker.usage_argv(), timeout)
        return parse_usage(text, duration_seconds(older_than), time.time())
    except RepairError as error:
        raise ProbeError(str(error)) from None
    except ValueError:
        raise ProbeError("what Docker says of its storage is not understood") from None


def _disk_usage(path: str) -> tuple[float, str]:
    """The used percent and the mount point of the file system that `path` is on."""
    try:
        return space_of(path).used_percent, mount_of(path)
    except OSError as error:
        raise ProbeError(f"disk.mount: {path} cannot be looked at: {error.strerror}") from None


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The faults in the settings that the schema cannot name. Pure."""
    try:
        duration_seconds(settings["older_than"])
    except ValueError as error:
        return [("older_than", f"must be {error}")]
    return []


PROBE = CacheProbe
