"""Containers and Docker's cache on real Docker: seen and mended by an account that is not in its group."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from qt_repair.host import docker
from sandbox.target import Target
from tests.deployed.one_repair import Repairs

_SET_UP = """
mkdir -p image/bin build www/api && cp /bin/busybox image/bin/ && ln -s busybox image/bin/sh
tar -C image -c . | docker import - busybox
echo '{"database": "ok"}' > www/api/health
docker run -d --name grafana -p 3000:80 -v $PWD/www:/www busybox /bin/busybox httpd -f -h /www
docker run -d --name sick --health-cmd '/bin/busybox test -e /ok' --health-interval 1s --health-retries 1 \\
    busybox /bin/busybox sleep 1000
"""
GRAFANA = {
    "container": "grafana",
    "url": "http://127.0.0.1:3000/api/health",
    "expect": {"database": "ok"},
    "stop_timeout": 1,
}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def vps(request: pytest.FixtureRequest, fresh_vps: Callable[..., Target]) -> Repairs:
    repairs = Repairs(fresh_vps(f"docker-{request.param}", request.param).machine)
    repairs.root("systemctl is-system-running --wait", check=False)
    repairs.root(_SET_UP)
    return repairs


def test_a_healthy_container_is_left_alone(vps: Repairs) -> None:
    found = vps.look("container", **GRAFANA)
    assert found["healthy"], found
    assert found["summary"] == "grafana runs; http://127.0.0.1:3000/api/health answers 200"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("docker stop -t 0 grafana", "grafana is not running (exit code 137)"),
        ("docker kill grafana", "grafana is not running (exit code 137)"),
        ("docker pause grafana", "grafana is paused"),
        ("echo '{}' > www/api/health", "answers 200, but database is missing"),
    ],
)
def test_a_container_that_does_not_serve_is_restarted(vps: Repairs, broken: str, says: str) -> None:
    vps.root(broken)
    mended = vps.mend("container", **GRAFANA)
    vps.root("""echo '{"database": "ok"}' > www/api/health""")
    assert mended["summary"].endswith(says)
    assert mended["sentence"] == "Auto-repair: Restarted Grafana container"
    assert mended["details"]["state_after"]["status"] == "running"
    assert vps.look("container", **GRAFANA)["healthy"]


def test_a_failing_health_check_is_seen_and_its_verdict_awaited(vps: Repairs) -> None:
    found = eventually(vps, "sick", lambda found: "healthy" in found)
    assert found["summary"] == "sick runs, but its health check fails"
    mended = vps.mend("container", container="sick", stop_timeout=0)
    assert mended["sentence"] == "Auto-repair: Restarted Sick container"
    vps.root("docker exec sick /bin/busybox touch /ok")
    found = eventually(vps, "sick", lambda found: found.get("healthy") is True)
    assert found["summary"] == "sick runs and is healthy"


def eventually(vps: Repairs, container: str, so: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    deadline = time.monotonic() + 60
    while not so(found := vps.look("container", container=container)):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def test_a_container_that_is_not_there_cannot_be_repaired(vps: Repairs) -> None:
    said = vps.mend("container", container="nobody")
    assert said == {"unknown": "there is no container named nobody: a restart cannot make one"}
    beginning = vps.root("docker inspect --format '{{.Id}}' sick")[:6]
    assert "it is the id of sick" in vps.mend("container", container=beginning)["unknown"]


def test_without_the_right_it_says_which_one_is_missing(vps: Repairs) -> None:
    said = vps.do("container", "look", allowed=False, **GRAFANA)["unknown"]
    assert "sudo does not let this account run `/usr/bin/docker inspect --type container" in said
    assert "/etc/sudoers.d/quantum-trader" in said
    said = vps.do("container", "mend", allowed=False, **GRAFANA)["failed"]
    assert "run `/usr/bin/docker restart --time 1 grafana`" in said


def test_events_tell_that_a_container_died(vps: Repairs) -> None:
    vps.allow(docker.events_privileges())
    argv = json.dumps([*("/usr/bin/sudo", "-n", "--"), *docker.events_argv()])
    program = (
        "import subprocess, sys, threading\n"
        f"stream = subprocess.Popen({argv}, stdout=subprocess.PIPE)\n"
        "threading.Timer(6, stream.terminate).start()\n"
        "sys.stdout.buffer.write(stream.stdout.read())\n"
    )
    said = vps.root(
        "(sleep 2; docker kill grafana; docker start grafana) > /dev/null &"
        f" sudo -u qt python3 -c '{program}'"
    )
    events = [event for event in map(docker.parse_event, said.splitlines()) if event is not None]
    happened = [(event.action, event.exit_code) for event in events if event.container == "grafana"]
    assert happened == [("kill", None), ("die", 137), ("start", None)]
    assert vps.root("pgrep -f '[d]ocker events'", check=False) == "", "ending sudo must end Docker's program"


def test_cache_and_dangling_images_go_and_nothing_else(vps: Repairs) -> None:
    vps.root(
        "printf 'FROM busybox\\nCOPY blob /blob\\n' > build/Dockerfile;"
        "for n in 1 2; do head -c 5000000 /dev/urandom > build/blob; docker build -q -t app build; done;"
        "docker volume create precious; docker create --name kept app /bin/true;"
        "head -c 5000000 /dev/urandom > build/blob; docker build -q -t app build; sleep 2"
    )
    before = vps.root(
        "docker images --quiet --no-trunc app; docker ps --all --quiet | sort; docker volume ls"
    )
    young = vps.do("docker_cache", "look", "mend", limit_mb=4, older_than="24h")
    assert young["healthy"]
    assert "nothing could go: no dangling image is older than 24h" in young["failed"]
    mended = vps.mend("docker_cache", limit_mb=4, older_than="1s")
    assert (mended["healthy"], mended["sentence"]) == (
        False,
        "Auto-repair: Cleaned Docker cache (5.0 MB reclaimed)",
    )
    assert vps.look("docker_cache", limit_mb=4, older_than="1s")["healthy"]
    assert before == vps.root(
        "docker images --quiet --no-trunc app; docker ps --all --quiet | sort; docker volume ls"
    )


def test_a_full_disk_is_a_reason_too(vps: Repairs) -> None:
    found = vps.look("docker_cache", disk={"level": 1})
    assert not found["healthy"]
    assert "% full, more than allowed" in found["summary"]
    assert vps.look("docker_cache", disk={"level": 100})["healthy"]


def test_docker_that_does_not_run_or_is_not_there_says_so(vps: Repairs) -> None:
    vps.root("systemctl stop docker.socket docker")
    try:
        assert "Docker does not run" in vps.mend("container", **GRAFANA)["unknown"]
        assert "Docker does not run" in vps.mend("docker_cache", limit_mb=1)["unknown"]
        vps.root("mv /usr/bin/docker /usr/bin/gone")
        assert "Docker is not installed" in vps.mend("container", **GRAFANA)["unknown"]
    finally:
        vps.root("test -e /usr/bin/docker || mv /usr/bin/gone /usr/bin/docker; systemctl start docker")
        vps.root("docker start grafana sick")
