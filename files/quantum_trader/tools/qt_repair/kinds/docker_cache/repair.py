"""Remove old build cache and dangling images; never a volume, a tagged image or a stopped container."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, Probe, ProbeError, RepairError, RepairResult
from qt_repair.host import docker
from qt_repair.host.sizes import MB, format_bytes
from qt_repair.kinds.docker_cache.usage import parse_reclaimed


class PruneCache:
    """Prunes images first: build cache that they share can only be removed after them."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._older_than: str = settings["older_than"]

    def intent(self, finding: Finding) -> str:
        return "Auto-repair: Cleaning Docker cache"

    def sentence(self, finding: Finding) -> str:
        return "Auto-repair: Cleaned Docker cache"

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Prune both. Raises RepairError, also if nothing was old enough to be removed."""
        deadline = time.monotonic() + timeout
        images = _prune(docker.prune_images_argv(self._older_than), deadline, 0)
        builds = _prune(docker.prune_builds_argv(self._older_than), deadline, images)
        reclaimed = images + builds
        if reclaimed == 0:
            raise RepairError(
                f"nothing could go: no dangling image is older than {self._older_than}, "
                "and all build cache was used since or belongs to an image"
            )
        details = {"images_mb": round(images / MB, 1), "build_cache_mb": round(builds / MB, 1)}
        return RepairResult(
            f"Auto-repair: Cleaned Docker cache ({format_bytes(reclaimed)} reclaimed)", details
        )


def _prune(argv: list[str], deadline: float, reclaimed: int) -> int:
    """The bytes reclaimed, by Docker's report. Raises RepairError, which names those reclaimed before."""
    before = f"; {format_bytes(reclaimed)} reclaimed before" if reclaimed else ""
    try:
        return parse_reclaimed(docker.run_docker(argv, max(1.0, deadline - time.monotonic())))
    except (ProbeError, RepairError) as error:
        code, output = (error.exit_code, error.output) if isinstance(error, RepairError) else (None, "")
        raise RepairError(f"{error}{before}", code, output) from None
    except ValueError:
        raise RepairError(f"docker {argv[1]} prune did not say what it reclaimed{before}") from None


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """The exact argument lists that are run as root. Pure."""
    older_than = settings["older_than"]
    return [
        docker.usage_argv(),
        docker.prune_images_argv(older_than),
        docker.prune_builds_argv(older_than),
    ]


REPAIR = PruneCache
