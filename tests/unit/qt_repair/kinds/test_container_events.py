"""Docker's event stream: lines as Docker 20.10 and 26.1 print them."""

from __future__ import annotations

import json

import pytest

from qt_repair.host.docker import ContainerEvent, events_argv, parse_event

ID = "7ad97a4e4df5d12d2b8e68acfce438f01c9600c243558b31a88f60313d395a18"
DIE_20 = (
    f'{{"status":"die","id":"{ID}","from":"busybox","Type":"container","Action":"die","Actor":{{"ID":"{ID}",'
    '"Attributes":{"exitCode":"3","image":"busybox","name":"grafana"}},"scope":"local","time":1795581012,'
    '"timeNano":1795581012562402779}\n'
)
DIE_26 = (
    f'{{"status":"die","id":"{ID}","from":"busybox","Type":"container","Action":"die","Actor":{{"ID":"{ID}",'
    '"Attributes":{"execDuration":"5","exitCode":"137","image":"busybox","name":"grafana"}},"scope":"local",'
    '"time":1795581039,"timeNano":1795581039521282002}'
)
UNHEALTHY = (
    f'{{"status":"health_status: unhealthy","id":"{ID}","from":"busybox","Type":"container",'
    f'"Action":"health_status: unhealthy","Actor":{{"ID":"{ID}","Attributes":{{"image":"busybox",'
    '"name":"sick"}},"scope":"local","time":1795581008,"timeNano":1795581008781651794}'
)
NETWORK = (
    f'{{"Type":"network","Action":"connect","Actor":{{"ID":"25c3","Attributes":{{"container":"{ID}",'
    '"name":"bridge","type":"bridge"}},"scope":"local","time":1795581087,"timeNano":1795581087368586631}'
)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (DIE_20, ContainerEvent("grafana", "die", None, 3, 1795581012562402779 / 1e9)),
        (DIE_26.encode(), ContainerEvent("grafana", "die", None, 137, 1795581039521282002 / 1e9)),
        (UNHEALTHY, ContainerEvent("sick", "health_status", "unhealthy", None, 1795581008781651794 / 1e9)),
    ],
    ids=["Docker 20.10", "Docker 26.1", "health"],
)
def test_an_event_says_what_happened_to_which_container_and_when(
    line: str | bytes, event: ContainerEvent
) -> None:
    assert parse_event(line) == event


def test_fields_that_docker_deprecates_are_not_needed() -> None:
    plain = {key: value for key, value in json.loads(DIE_26).items() if key not in ("status", "id", "from")}
    assert parse_event(json.dumps(plain)) == parse_event(DIE_26)


@pytest.mark.parametrize(
    "line",
    [NETWORK, "", "\n", "json", "null", "[]", "{}", b"\xff", DIE_26[:100], "[" * 99999,
     DIE_26.replace('"137"', "1e999")],
)  # fmt: skip
def test_a_line_that_is_no_container_event_is_ignored(line: str | bytes) -> None:
    assert parse_event(line) is None


def test_only_container_events_are_followed_and_sudoers_can_name_the_command() -> None:
    argv = events_argv()
    assert argv[:4] == ["/usr/bin/docker", "events", "--filter", "type=container"]
    assert {"event=die", "event=health_status"} < set(argv)
    assert not any(set(word) & set('*?[]\\"') for word in argv)
