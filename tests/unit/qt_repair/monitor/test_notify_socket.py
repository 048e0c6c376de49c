"""Messages to systemd over a real socket, and that nothing fails without systemd."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt_repair.monitor.event_loop.notify_socket import NotifySocket


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Listens where systemd would."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    found = []
    try:
        while True:
            found.append(manager.recv(4096).decode())
    except BlockingIOError:
        return found


def test_each_state_is_told_in_systemds_words(manager: socket.socket) -> None:
    notify = NotifySocket({"NOTIFY_SOCKET": manager.getsockname()})
    notify.ready()
    notify.reloading()
    notify.ping_watchdog()
    notify.stopping()
    notify.close()
    ready, reloading, alive, stopping = heard(manager)
    assert (ready, alive, stopping) == ("READY=1", "WATCHDOG=1", "STOPPING=1")
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")


def test_a_status_is_one_line_and_told_when_it_is_news(manager: socket.socket) -> None:
    notify = NotifySocket({"NOTIFY_SOCKET": manager.getsockname()})
    for text in ("all clear", "all clear", "in breach:\nREADY=1"):
        notify.status(text)
    notify.close()
    assert heard(manager) == ["STATUS=all clear", "STATUS=in breach: READY=1"]


def test_the_abstract_namespace_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"quantum-trader-test-{os.getpid()}"
        listening.bind(f"\0{name}")
        NotifySocket({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all", "@nobody-listens-here"])
def test_without_systemd_nothing_happens(address: str) -> None:
    notify = NotifySocket({"NOTIFY_SOCKET": address} if address else {})
    notify.ready()
    notify.status("all clear")
    notify.close()


def test_a_manager_that_hangs_hangs_nobody(manager: socket.socket) -> None:
    notify = NotifySocket({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(5000):
        notify.ping_watchdog()
    notify.close()
    assert heard(manager)


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_watchdog_is_told_twice_in_its_time(environ: dict[str, str], seconds: float) -> None:
    assert NotifySocket({"NOTIFY_SOCKET": "/run/notify", **environ}).watchdog_s == seconds


def test_nobody_is_told_where_there_is_no_socket() -> None:
    assert NotifySocket({"WATCHDOG_USEC": "30000000"}).watchdog_s == 0.0
