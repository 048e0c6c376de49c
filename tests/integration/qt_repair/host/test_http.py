"""Checks of an HTTP address, against real servers that answer well, wrongly, slowly or not at all."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from qt_repair.host.http import check_url

GOOD = b'{"database": "ok", "commit": "none", "version": 1, "store": {"state": "up"}, "on": true}'


def answer(status: str = "200 OK", body: bytes = GOOD, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextmanager
def server(serve: Callable[[socket.socket, str], None]) -> Iterator[str]:
    """A server on a free port, by its address: `serve` gets each connection and the request's first line."""
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(65536).decode("latin-1")
                with suppress(OSError):  # the client has gone
                    serve(connection, request.split("\r\n")[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def says(data: bytes) -> Callable[[socket.socket, str], None]:
    return lambda connection, _request: connection.sendall(data)


def test_a_good_answer_is_healthy() -> None:
    with server(says(answer())) as url:
        found = check_url(f"{url}/api/health?token=hunter2", 5, {"database": "ok"})
    assert found.healthy
    assert found.summary == f"{url}/api/health answers 200"
    assert found.details["status"] == 200
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("expect", "wrong"),
    [
        ({"database": "ok", "version": 1}, ""),
        ({"store.state": "up"}, ""),
        ({"store": {"state": "up"}}, ""),
        ({"on": True}, ""),
        ({"database": "failing"}, 'database is "ok", not "failing"'),
        ({"version": True}, "version is 1, not true"),
        ({"version": "1"}, 'version is 1, not "1"'),
        ({"store.size": 1}, "store.size is missing"),
        ({"database.state": "ok"}, "database.state is missing"),
        ({"alerts": None}, "alerts is missing"),
    ],
)
def test_the_answer_is_compared_with_what_is_expected(expect: dict[str, object], wrong: str) -> None:
    with server(says(answer())) as url:
        found = check_url(url, 5, expect)
    assert found.healthy == (not wrong)
    assert found.summary.endswith(f"but {wrong}" if wrong else "answers 200")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (answer("503 Service Unavailable"), "answers 503"),
        (answer("401 Unauthorized"), "answers 401"),
        (answer("304 Not Modified", b""), "answers 304"),
        (answer(body=b"<html>"), "answers 200, but not with JSON"),
        (answer(body=b"[1]"), "answers 200, but not with a JSON object"),
        (answer(body=b"[" * 100_000), "answers 200, but not with JSON"),
        (answer(body=b" " * 1_100_000 + b"{}"),
         "answers 200, but with more than 1 MB, too much to look through"),
        (answer("302 Found", b"", "Location: http://example.com/hunter2?hunter2"),
         "redirects elsewhere (http://example.com/hunter2)"),
        (answer("302 Found", b"", "Location: file:///etc/passwd"), "redirects elsewhere (file:///etc/passwd)"),
        (answer("302 Found", b"", "Location: /again"), "redirects more than 3 times"),
        (b"220 mail.example.com ESMTP\r\n", "does not speak HTTP as it should (BadStatusLine)"),
        (b"", "closes the connection without an answer"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data', "answers 200, but not with JSON"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_named(data: bytes, text: str) -> None:
    with server(says(data)) as url:
        found = check_url(url, 5, {"database": "ok"})
    assert not found.healthy
    assert found.summary == f"{url} {text}"


def test_a_redirect_on_the_same_host_is_followed() -> None:
    def serve(connection: socket.socket, request: str) -> None:
        moved = answer("301 Moved Permanently", b"", "Location: /api/health")
        connection.sendall(answer() if "/api/health" in request else moved)

    with server(serve) as url:
        assert check_url(url, 5, {"database": "ok"}).healthy


def test_a_redirect_to_the_same_address_written_out_is_followed() -> None:
    def serve(connection: socket.socket, request: str) -> None:
        moved = answer("302 Found", b"", f"Location: {url.upper().replace('HTTP', 'http')}/new")
        connection.sendall(answer() if "/new" in request else moved)

    with server(serve) as url:
        assert check_url(url, 5, {"database": "ok"}).healthy


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "//127.0.0.1/"]
)
def test_a_redirect_to_another_port_or_scheme_of_the_host_is_not_followed(location: str) -> None:
    asked = []

    def other(connection: socket.socket, request: str) -> None:
        asked.append(request)
        connection.sendall(answer())

    with server(other) as elsewhere:
        location = location.format(port=elsewhere.rpartition(":")[2])
        with server(says(answer("302 Found", b"", f"Location: {location}"))) as url:
            found = check_url(url, 5, {"database": "ok"})
    shown = f"http:{location}" if location.startswith("//") else location
    assert found.summary == f"{url} redirects elsewhere ({shown})"
    assert not asked


def test_a_redirect_to_another_scheme_of_the_same_port_is_not_followed() -> None:
    def serve(connection: socket.socket, _request: str) -> None:
        connection.sendall(answer("302 Found", b"", f"Location: {url.replace('http:', 'https:')}/"))

    with server(serve) as url:
        found = check_url(url, 5)
    assert found.summary == f"{url} redirects elsewhere ({url.replace('http:', 'https:')}/)"


def test_a_port_that_nobody_listens_on_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = check_url(f"http://127.0.0.1:{port}/", 5)
    assert found.summary == f"http://127.0.0.1:{port}/ does not answer: connection refused"


def test_a_host_that_is_not_known_is_named() -> None:
    found = check_url("http://no-such-host.invalid/", 20)
    assert not found.healthy
    assert found.summary.startswith("http://no-such-host.invalid/ ")


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_server_that_sends_a_byte_now_and_then_times_out(begin: bytes) -> None:
    over, gone = threading.Event(), threading.Event()

    def drip(connection: socket.socket, _request: str) -> None:
        try:
            connection.sendall(begin)
            while not over.wait(0.05):
                connection.sendall(b"x")
        except OSError:
            gone.set()
            raise

    with server(drip) as url:
        found = check_url(url, 0.5)
        hung_up = gone.wait(20)
        over.set()
    assert found.summary == f"{url} did not answer within 0.5 s"
    assert hung_up, "the connection was left open"


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    with server(says(answer())) as url:
        assert check_url(url, 5).healthy


def self_signed(path: Path) -> Path:
    """A certificate for localhost that nobody vouches for, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    begin = dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none)
    path.write_bytes(certificate.public_bytes(pem) + private)
    return path


@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_must_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    pem = self_signed(tmp_path / "localhost.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))

    def serve() -> None:
        with suppress(OSError):  # a client that does not trust us hangs up
            connection, _ = listening.accept()
            with connection, context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(65536)
                secure.sendall(answer())

    with socket.create_server(("localhost", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"https://localhost:{listening.getsockname()[1]}/"
        found = check_url(url, 10, {"database": "ok"})
        thread.join(10)
    assert found.healthy == trusted
    text = "answers 200" if trusted else "has a certificate that is not accepted: self-signed certificate"
    assert found.summary == f"{url} {text}"


def test_a_server_without_tls_is_named() -> None:
    with server(says(answer())) as url:
        found = check_url(url.replace("http:", "https:"), 5)
    assert found.summary.endswith("does not speak TLS as it should")
