"""A threshold `http`: an address that must answer as expected."""

from __future__ import annotations

import socket

from qt_repair.monitor.thresholds import BAD
from qt_repair.monitor.watch import default_name
from tests.support.monitoring import reading_watcher


def test_an_address_that_does_not_answer_is_bad() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api/health"
    reading = reading_watcher("http", url=url, expect={}, timeout=3).read()
    assert (reading.level, reading.text) == (BAD, f"{url} does not answer: connection refused")


def test_its_name_holds_no_query() -> None:
    assert default_name("http", {"url": "http://127.0.0.1/health?token=x"}) == "http://127.0.0.1/health"
