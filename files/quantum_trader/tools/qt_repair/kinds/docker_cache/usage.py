"""What pruning may remove, from Docker's own report of its storage. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qt_repair.host.sizes import parse_bytes


@dataclass(frozen=True)
class Usage:
    """Bytes of build cache and dangling images that nothing uses."""

    builds: int
    images: int
    """Without layers that several images share: pruning may reclaim more."""
    old: int
    """The part of both that is old enough to be removed."""

    @property
    def total(self) -> int:
        return self.builds + self.images


def duration_seconds(duration: str) -> float:
    """The seconds of a time span as Docker writes it. Raises ValueError."""
    match = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", duration, re.ASCII)
    if match is None or not duration:
        raise ValueError("a time span such as 24h or 30m")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=rest).total_seconds()


def parse_usage(text: str, older_than: float, now: float) -> Usage:
    """What can be removed according to `docker system df --verbose`. `older_than` is in seconds.

    Raises ValueError if the text is not understood.
    """
    try:
        value = json.loads(text)
        builds = list(_builds(value.get("BuildCache") or []))
        images = list(_images(value.get("Images") or []))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("not as Docker writes it") from None
    limit = now - older_than
    return Usage(
        builds=sum(size for size, _ in builds),
        images=sum(size for size, _ in images),
        old=sum(size for size, since in builds + images if since <= limit),
    )


def _builds(items: list[Mapping[str, Any]]) -> Iterator[tuple[int, float]]:
    """Bytes and last use of what can be removed: not in use, not shared with an image, not Docker's own."""
    for item in items:
        in_use = "true" in (item["InUse"], item["Shared"])
        if not in_use and item["CacheType"] not in ("internal", "frontend"):
            yield parse_bytes(item["Size"]), _timestamp(item.get("LastUsedAt") or item["CreatedAt"])


def _images(items: list[Mapping[str, Any]]) -> Iterator[tuple[int, float]]:
    """Bytes and creation time of dangling images: no name, no tag, no container, not even a stopped one."""
    for item in items:
        if item["Repository"] == item["Tag"] == "<none>" and item["Containers"] == "0":
            yield parse_bytes(item["UniqueSize"]), _timestamp(item["CreatedAt"])


def _timestamp(text: str) -> float:
    """Seconds since the epoch of a time as Go prints it: `2026-11-25 04:27:20.940192293 +0000 UTC`."""
    match = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d{4})", text)
    if match is None:
        raise ValueError("not a time as Docker writes it")
    return datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M:%S %z").timestamp()


def parse_reclaimed(output: str) -> int:
    """The bytes that a prune reclaimed: the last total that Docker or buildx prints.

    Raises ValueError if there is no total.
    """
    totals = re.findall(r"(?m)^Total(?: reclaimed space)?:\s*(\S+)\s*$", output)
    if not totals:
        raise ValueError("no total")
    return parse_bytes(totals[-1])
