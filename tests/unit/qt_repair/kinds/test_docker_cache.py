"""The kind `docker_cache`: what can be removed, what a prune reclaims, what runs as root, bad settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qt_repair import kinds
from qt_repair.kinds.docker_cache.probe import finding_of
from qt_repair.kinds.docker_cache.usage import Usage, duration_seconds, parse_reclaimed, parse_usage
from tests.support.kind_settings import faults, settings

NOW = 1795581120.0  # 2026-11-25 04:32:00 UTC
LAYER = {
    "CacheType": "regular", "CreatedAt": "2026-11-24 04:27:20.940192293 +0000 UTC", "InUse": "false",
    "LastUsedAt": "2026-11-25 04:27:00.980406651 +0000 UTC", "Shared": "false", "Size": "10MB",
}  # fmt: skip
IMAGE = {
    "Containers": "0", "CreatedAt": "2026-11-25 04:27:00 +0000 UTC", "Repository": "<none>",
    "SharedSize": "1.982MB", "Size": "42MB", "Tag": "<none>", "UniqueSize": "40MB",
}  # fmt: skip


def usage(builds: list[dict[str, str]], images: list[dict[str, str]], older_than: float = 0) -> Usage:
    text = json.dumps({"Images": images, "Containers": [], "Volumes": [], "BuildCache": builds})
    return parse_usage(text, older_than, NOW)


def test_build_cache_and_dangling_images_can_be_removed() -> None:
    assert usage([LAYER], [IMAGE]) == Usage(builds=10_000_000, images=40_000_000, old=50_000_000)


@pytest.mark.parametrize(
    "keys",
    [{"InUse": "true"}, {"Shared": "true"}, {"CacheType": "internal"}, {"CacheType": "frontend"}],
    ids=str,
)
def test_build_cache_that_docker_keeps_is_not_counted(keys: dict[str, str]) -> None:
    assert usage([{**LAYER, **keys}], []).total == 0


@pytest.mark.parametrize(
    "keys",
    [{"Repository": "app", "Tag": "latest"}, {"Repository": "app"}, {"Containers": "1"}],
    ids=["tagged", "pulled by digest", "of a stopped container"],
)
def test_an_image_that_may_be_needed_is_not_counted(keys: dict[str, str]) -> None:
    assert usage([], [{**IMAGE, **keys}]).total == 0


@pytest.mark.parametrize(("older_than", "old"), [(60, 50_000_000), (300, 50_000_000), (301, 0)])
def test_recent_items_are_counted_separately(older_than: float, old: int) -> None:
    image, layer = {**IMAGE}, {**LAYER, "LastUsedAt": "2026-11-25 04:27:00.1 +0000 UTC"}
    found = usage([layer], [image], older_than)
    assert (found.old, found.total) == (old, 50_000_000)


def test_times_are_read_in_any_time_zone() -> None:
    assert usage([], [{**IMAGE, "CreatedAt": "2026-11-25 05:27:00 +0100 CET"}], 300).old == 40_000_000


def test_cache_that_was_never_used_counts_from_its_creation() -> None:
    assert usage([{**LAYER, "LastUsedAt": ""}], [], 86_000).old == 10_000_000


@pytest.mark.parametrize("text", ["", "json", "[]", '{"Images": [{}]}', '{"BuildCache": 3}'])
def test_a_report_that_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not as Docker writes it"):
        parse_usage(text, 0, NOW)


@pytest.mark.parametrize(
    ("output", "won"),
    [
        ("Total reclaimed space: 0B\n", 0),
        ("Deleted Images:\ndeleted: sha256:42e0\n\nTotal reclaimed space: 40MB\n", 40_000_000),
        ("Deleted build cache objects:\nurptz97\n\nTotal reclaimed space: 1.2GB\n", 1_200_000_000),
        ("ID\tRECLAIMABLE\tSIZE\nwyz064*\ttrue\t10MB\nTotal:\t10MB\n", 10_000_000),
    ],
    ids=["nothing", "images", "build cache", "build cache with buildx"],
)
def test_the_reclaimed_total_of_a_prune_is_read(output: str, won: int) -> None:
    assert parse_reclaimed(output) == won


@pytest.mark.parametrize("output", ["", "Total reclaimed space: much\n", "nothing to do\n"])
def test_a_prune_without_a_total_is_an_error(output: str) -> None:
    with pytest.raises(ValueError, match=r"no total|an amount"):
        parse_reclaimed(output)


OLD = Usage(builds=1_000_000_000, images=500_000_000, old=1_200_000_000)


@pytest.mark.parametrize(
    ("limit", "used", "full", "healthy"),
    [
        (1000, None, False, False),
        (1200, None, False, True),
        (None, 90.0, True, False),
        (2000, 90.0, True, False),
    ],
)
def test_more_than_the_limit_or_a_full_disk_is_found_unhealthy(
    limit: float | None, used: float | None, full: bool, healthy: bool
) -> None:
    found = finding_of(OLD, limit, "24h", used, full, "/")
    assert found.healthy == healthy
    assert "1.2 GB of Docker's cache can go" in found.summary
    assert "300 MB was used within 24h" in found.summary


def test_the_commands_run_as_root_remove_no_volume_no_tag_and_no_container() -> None:
    argvs = kinds.privileges(settings("docker_cache", limit_mb=1000, older_than="24h"))
    assert argvs == [
        ["/usr/bin/docker", "system", "df", "--verbose", "--format", "{{json .}}"],
        ["/usr/bin/docker", "image", "prune", "--force", "--filter", "until=24h"],
        ["/usr/bin/docker", "builder", "prune", "--force", "--filter", "until=24h"],
    ]


def test_a_time_span_is_read_as_docker_writes_it() -> None:
    assert [duration_seconds(text) for text in ("24h", "30m", "1h30m", "5s")] == [86400, 1800, 5400, 5]


@pytest.mark.parametrize(
    ("keys", "path", "says"),
    [
        ({}, "", "needs limit_mb, disk, or both"),
        ({"limit_mb": -1}, "limit_mb", "must be at least 0"),
        ({"limit_mb": 1, "older_than": ""}, "older_than", "must be a time span"),
        ({"limit_mb": 1, "older_than": "1 day"}, "older_than", "must be an age such as 24h"),
        ({"limit_mb": 1, "older_than": "24h\n"}, "older_than", "must be an age such as 24h"),
        ({"disk": {"level": 101}}, "disk.level", "must be at most 100"),
        ({"disk": {"mount": "docker"}}, "disk.mount", "must be a path"),
        ({"disk": {"levle": 80}}, "disk.levle", "did you mean level?"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys: dict[str, Any], path: str, says: str) -> None:
    assert says in faults("docker_cache", **keys)[path]
