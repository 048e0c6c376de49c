"""The proxy that the environment names: it learns only the host's name, and TLS ends at the receiver."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from qt_audit.delivery.channels.slack import Slack
from qt_audit.delivery.message import SENT, TRANSIENT
from tests.support import receivers
from tests.support.certificates import Certificates
from tests.support.messages import message
from tests.support.receivers import SLACK_PATH, TOKEN, Receiver, raw


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    return made


def opening(port: int, asked: list[str]) -> Callable[[socket.socket], None]:
    """A proxy that always connects to one port of this machine."""

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve(connection: socket.socket) -> None:
        asked.append(connection.recv(65536).decode())
        with socket.create_connection(("127.0.0.1", port)) as behind:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=copy, args=(behind, connection), daemon=True)
            back.start()
            copy(connection, behind)
            back.join(10)

    return serve


def test_the_receiver_is_reached_through_the_proxy(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    with Receiver(receivers.slack, SLACK_PATH, certificates) as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        with raw(opening(port, asked)) as (proxy, _served):
            monkeypatch.setenv("https_proxy", f"http://me:p%40ss@127.0.0.1:{proxy}")
            # A name that only the proxy could look up; the certificate is for this one.
            result = Slack("s", receiver.url.replace("127.0.0.1", "localhost")).send(message(), 20)
        assert result.state == SENT
        assert len(receiver.taken) == 1
    (request,) = asked
    assert request.startswith(f"CONNECT localhost:{port} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in request
    assert TOKEN not in request


def test_a_host_that_needs_no_proxy_gets_none(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Receiver(receivers.slack, SLACK_PATH, certificates) as receiver,
        raw(receivers.hang) as (port, served),
    ):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert Slack("s", receiver.url).send(message(), 20).state == SENT
        assert served == []


def test_this_machine_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver(receivers.slack, SLACK_PATH) as receiver, raw(receivers.hang) as (port, served):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        assert Slack("s", receiver.url).send(message(), 20).state == SENT
        assert served == []


@pytest.mark.parametrize(
    ("serve", "says"),
    [
        (
            lambda c: c.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
            "the proxy answered 407",
        ),
        (lambda c: c.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), "the proxy answered 502"),
        (receivers.garbage, "what came back is not HTTP (BadStatusLine)"),
        (receivers.hang, "no answer within 0.5 s"),
        (receivers.drip, "no answer within 0.5 s"),
    ],
)
def test_a_proxy_that_fails_is_told_of(
    serve: Callable[[socket.socket], None],
    says: str,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with raw(serve) as (port, _served):
        monkeypatch.setenv("https_proxy", f"http://me:{TOKEN}@127.0.0.1:{port}")
        result = Slack("s", f"https://hooks.slack.com{SLACK_PATH}").send(message(), 0.5)
    assert (result.state, result.says) == (TRANSIENT, says)
    assert TOKEN not in repr(result)


@pytest.mark.parametrize("proxy", ["http://[::1", "http://x:99999", "nonsense://", "http://"])
def test_a_proxy_that_is_none_is_no_traceback(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    result = Slack("s", f"https://hooks.slack.com{SLACK_PATH}").send(message(), 2)
    assert result.state == TRANSIENT
