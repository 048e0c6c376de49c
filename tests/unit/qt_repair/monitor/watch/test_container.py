"""A threshold `container`: Docker's state and health of a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt_repair.host import docker
from qt_repair.monitor.thresholds import UNKNOWN
from qt_repair.monitor.watch import default_name
from tests.support.monitoring import reading_watcher


def test_without_docker_the_state_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "DOCKER", str(tmp_path / "docker"))
    reading = reading_watcher("container", container="grafana").read()
    assert reading.level == UNKNOWN
    assert reading.text == f"Docker is not installed: there is no {tmp_path}/docker"


def test_it_is_called_by_its_kind_and_its_container() -> None:
    assert default_name("container", {"container": "grafana"}) == "container grafana"
