"""A threshold `tcp`: a port that must accept connections."""

from __future__ import annotations

import socket

from qt_repair.monitor.thresholds import BAD, GOOD
from tests.support.monitoring import reading_watcher


def test_a_port_that_accepts_connections_is_good() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reading = reading_watcher("tcp", host="127.0.0.1", port=server.getsockname()[1], timeout=3).read()
    assert (reading.level, reading.text) == (GOOD, "takes connections")


def test_a_port_that_nobody_listens_at_is_bad() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reading = reading_watcher("tcp", host="127.0.0.1", port=port, timeout=3).read()
    assert (reading.level, reading.text) == (BAD, "Connection refused")
