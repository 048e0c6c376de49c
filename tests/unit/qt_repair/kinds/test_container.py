"""The kind `container`: what Docker's answers mean, what is run as root, and settings that are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qt_repair import kinds
from qt_repair.finding import Finding, ProbeError
from qt_repair.host import docker
from qt_repair.host.docker import ContainerState, parse_state
from qt_repair.kinds.container.probe import finding_of
from qt_repair.kinds.container.repair import RestartContainer
from tests.support.kind_settings import faults, settings

RUNNING = (
    '/grafana {"Status":"running","Running":true,"Paused":false,"Restarting":false,"OOMKilled":false,'
    '"Dead":false,"Pid":769,"ExitCode":0,"Error":"","StartedAt":"2026-11-25T04:30:07.508929016Z",'
    '"FinishedAt":"0001-01-01T00:00:00Z"}\n'
)


def printed(**keys: Any) -> str:
    """What Docker prints of a container whose state has these keys."""
    name, _, state = RUNNING.partition(" ")
    return f"{name} {json.dumps({**json.loads(state), **keys})}\n"


def seen(**keys: Any) -> Finding:
    return finding_of("grafana", parse_state("grafana", printed(**keys)))


def test_a_running_container_is_found_healthy() -> None:
    assert parse_state("grafana", RUNNING) == ContainerState("running", None, 0, False, "")
    assert seen() == Finding(
        True, "grafana runs", {"container": "grafana", "status": "running", "exit_code": 0}
    )
    assert seen(Health={"Status": "healthy", "Log": []}).summary == "grafana runs and is healthy"
    assert seen(Health={"Status": "none"}).healthy


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"Status": "exited", "Running": False, "ExitCode": 3}, "is not running (exit code 3)"),
        (
            {"Status": "exited", "ExitCode": 137, "OOMKilled": True},
            "is not running (exit code 137), killed for want of memory",
        ),
        ({"Status": "created"}, "was never started"),
        ({"Status": "paused", "Paused": True}, "is paused"),
        (
            {"Status": "restarting", "Restarting": True, "ExitCode": 1},
            "is restarting in circles (exit code 1)",
        ),
        ({"Status": "dead", "Dead": True}, "is dead"),
        ({"Health": {"Status": "unhealthy"}}, "runs, but its health check fails"),
    ],
)
def test_what_does_not_work_is_found_unhealthy(state: dict[str, Any], says: str) -> None:
    found = seen(**state)
    assert not found.healthy
    assert found.summary == f"grafana {says}"


@pytest.mark.parametrize(
    "state", [{"Health": {"Status": "starting"}}, {"Status": "removing"}], ids=["starting", "removing"]
)
def test_a_starting_or_removed_container_is_left_alone(state: dict[str, Any]) -> None:
    with pytest.raises(ProbeError, match=r"starting|being removed"):
        seen(**state)


def test_the_beginning_of_an_id_is_not_accepted_as_a_name() -> None:
    with pytest.raises(ProbeError, match=r"no container named 1c6c: it is the id of grafana"):
        parse_state("1c6c", RUNNING)


@pytest.mark.parametrize("text", ["/grafana {", "/grafana null", "/grafana []", "/grafana {}", "/grafana"])
def test_an_answer_that_is_not_understood_leaves_the_state_unknown(text: str) -> None:
    with pytest.raises(ProbeError, match="not understood"):
        parse_state("grafana", text)


def test_output_of_the_health_check_is_not_kept() -> None:
    log = [{"Output": "password=hunter2"}]
    assert "hunter2" not in str(seen(Health={"Status": "unhealthy", "Log": log}).details)


@pytest.mark.parametrize(
    ("keys", "title"),
    [({}, "Grafana"), ({"title": "the dashboard"}, "the dashboard")],
    ids=["from the name", "configured"],
)
def test_the_sentences_are_the_reports(keys: dict[str, str], title: str) -> None:
    value = settings("container", container="grafana", **keys)
    repair, found = RestartContainer(value, "/", kinds.probe_of(value, "/")), Finding(False, "")
    assert repair.intent(found) == f"Auto-repair: Restarting {title} container"
    assert repair.sentence(found) == f"Auto-repair: Restarted {title} container"


def test_the_commands_run_as_root_are_exact() -> None:
    assert kinds.privileges(settings("container", container="grafana", stop_timeout=30)) == [
        [
            *("/usr/bin/docker", "inspect", "--type", "container"),
            *("--format", "{{.Name}} {{json .State}}", "grafana"),
        ],
        ["/usr/bin/docker", "restart", "--time", "30", "grafana"],
    ]
    assert all(argv[0] == docker.DOCKER for argv in docker.events_privileges())


@pytest.mark.parametrize(
    ("keys", "path", "says"),
    [
        ({}, "", "needs the key container"),
        ({"container": "--all"}, "container", "must be the container's name"),
        ({"container": "grafana\n"}, "container", "must be the container's name"),
        ({"container": "a b"}, "container", "must be the container's name"),
        ({"container": "*"}, "container", "must be the container's name"),
        ({"container": "g", "title": "a\nb"}, "title", "must be a text"),
        ({"container": "g", "url": "ftp://example.com"}, "url", "must begin with http"),
        ({"container": "g", "url": "http://u:hunter2@example.com"}, "url", "no user name or password"),
        ({"container": "g", "expect": {"a": 1}}, "expect", "needs url"),
        ({"container": "g", "stop_timeout": 120}, "stop_timeout", "must be below timeout (120 s)"),
        ({"container": "g", "contianer": "g"}, "contianer", "did you mean container?"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys: dict[str, Any], path: str, says: str) -> None:
    found = faults("container", **keys)
    assert says in found[path]
    assert "hunter2" not in str(found)
