"""Discord, Slack and an operator's own receiver, with real local servers and one table of replies."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qt_audit.delivery.channels.discord import Discord
from qt_audit.delivery.channels.json_webhook import JsonWebhook
from qt_audit.delivery.channels.slack import Slack
from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, Channel
from tests.support import receivers
from tests.support.certificates import Certificates
from tests.support.messages import HOSTILE, message
from tests.support.receivers import DISCORD_PATH, HOOK_PATH, SLACK_PATH, TOKEN, Contract, Receiver, Reply, raw

SECRET = "whsec_c2VjcmV0LXRoYXQtc2lnbnMtbWVzc2FnZXM="
MAKE: dict[str, tuple[Callable[[str], Channel], Contract, str]] = {
    "discord": (lambda url: Discord("discord-1", url), receivers.discord, DISCORD_PATH),
    "slack": (lambda url: Slack("slack-1", url), receivers.slack, SLACK_PATH),
    "json": (lambda url: JsonWebhook("json-1", url, SECRET), receivers.receiver_of_ours(SECRET), HOOK_PATH),
}
KINDS = list(MAKE)
LONG = 20.0
"""Seconds that are never used up."""


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """An authority that this process trusts, as SSL_CERT_FILE says."""
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    return made


@pytest.fixture(autouse=True)
def nothing_shows_the_secret(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    yield
    out, err = capfd.readouterr()
    assert TOKEN not in out + err + caplog.text
    assert SECRET not in out + err + caplog.text


def sent(channel: Channel, timeout: float = LONG, **more: Any) -> Any:
    """Send one message and return the result, which must contain no secret."""
    result = channel.send(message(), timeout, **more)
    told = f"{result!r} {channel} {channel!r}"
    assert TOKEN not in told
    assert SECRET not in told
    assert "127.0.0.1" not in told
    assert "\n" not in result.says
    return result


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_is_taken_over_verified_tls(kind: str, certificates: Certificates) -> None:
    make, contract, path = MAKE[kind]
    with Receiver(contract, path, certificates) as receiver:
        result = sent(make(receiver.url))
        assert (result.state, result.done) == (SENT, 1)
        assert len(receiver.taken) == len(receiver.arrivals) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_text_that_attacks_is_taken_whole(kind: str, text: str) -> None:
    make, contract, path = MAKE[kind]
    with Receiver(contract, path) as receiver:
        hostile = message(title=text, text=text, fields=((text, text),) * 30)
        result = make(receiver.url).send(hostile, LONG)
        assert result.state == SENT
        assert len(receiver.taken) == len(receiver.arrivals) == result.done


LEAK = f"The requested URL {DISCORD_PATH} {SLACK_PATH} {HOOK_PATH} was not found on this server".encode()
"""As some servers write it into their error pages."""
STATUSES = [
    (200, SENT),
    (202, SENT),
    (204, SENT),
    (301, PERMANENT),
    (302, TRANSIENT),
    (304, TRANSIENT),
    (400, PERMANENT),
    (401, PERMANENT),
    (403, PERMANENT),
    (404, PERMANENT),
    (405, PERMANENT),
    (408, TRANSIENT),
    (410, PERMANENT),
    (413, PERMANENT),
    (418, PERMANENT),
    (422, PERMANENT),
    (425, TRANSIENT),
    (429, TRANSIENT),
    (500, TRANSIENT),
    (502, TRANSIENT),
    (503, TRANSIENT),
    (504, TRANSIENT),
    (599, TRANSIENT),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "state"), STATUSES)
def test_a_status_decides_whether_to_try_again(kind: str, status: int, state: str) -> None:
    make, contract, path = MAKE[kind]
    with Receiver(contract, path) as receiver:
        receiver.script = [Reply(status, {"Location": f"https://example.com{path}"}, LEAK)]
        result = sent(make(receiver.url))
        assert (result.state, result.status) == (state, status)
        assert str(status) in result.says
        assert len(receiver.arrivals) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("61.25", 61.25),
        ("120", 120.0),
        ("1e9", 86_400.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Thu, 31 Dec 2099 00:00:00 GMT", 86_400.0),
        ("-5", None),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_the_pause_that_a_receiver_asks_for_is_told(kind: str, header: str, seconds: float | None) -> None:
    make, contract, path = MAKE[kind]
    with Receiver(contract, path) as receiver:
        receiver.script = [Reply(503, {"Retry-After": header})] * 9
        result = sent(make(receiver.url), timeout=0.4)
        assert (result.state, result.retry_after) == (TRANSIENT, seconds)


BROKEN = "connection reset by peer|the connection was closed without an answer"
FAULTS: dict[str, tuple[Callable[[socket.socket], None], str, str]] = {
    "hang": (receivers.hang, TRANSIENT, r"no answer within 0\.5 s"),
    "drip": (receivers.drip, TRANSIENT, r"no answer within 0\.5 s"),
    "drip of the body": (receivers.drip_body, SENT, "taken with 200"),
    "reset": (receivers.reset, TRANSIENT, BROKEN),
    "close": (receivers.close, TRANSIENT, BROKEN),
    "garbage": (receivers.garbage, TRANSIENT, r"what came back is not HTTP \(BadStatusLine\)"),
    "endless headers": (
        receivers.endless_headers,
        TRANSIENT,
        r"what came back is not HTTP \(HTTPException\)",
    ),
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("serve", "state", "says"), FAULTS.values(), ids=FAULTS.keys())
def test_a_receiver_that_misbehaves_holds_nobody(
    kind: str,
    serve: Callable[[socket.socket], None],
    state: str,
    says: str,
    tls: bool,
    certificates: Certificates,
) -> None:
    make, _contract, path = MAKE[kind]
    with raw(serve, certificates.server() if tls else None) as (port, served):
        scheme = "https" if tls else "http"
        result = sent(make(f"{scheme}://127.0.0.1:{port}{path}"), timeout=0.5)
        assert result.state == state
        assert re.fullmatch(says, result.says)
        assert len(served) == 1


def test_a_receiver_that_answers_before_it_has_all_is_heard() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with raw(refuse) as (port, _served):
        channel = JsonWebhook("json-1", f"http://127.0.0.1:{port}{HOOK_PATH}")
        result = channel.send(message(text="x" * 5_000_000), LONG)
    assert (result.state, result.status) == (PERMANENT, 413)


@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_listens_it_is_tried_again(kind: str) -> None:
    make, _contract, path = MAKE[kind]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = sent(make(f"http://127.0.0.1:{port}{path}"))
    assert (result.state, result.says) == (TRANSIENT, "connection refused")


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_that_nobody_knows_is_tried_again(kind: str) -> None:
    make, _contract, path = MAKE[kind]
    result = sent(make(f"https://{'x' * 64}.invalid{path}"))
    assert (result.state, result.says) == (TRANSIENT, "the host name is not known")


UNTRUSTED: dict[str, tuple[Callable[[Certificates, Path], ssl.SSLContext], str]] = {
    "another authority": (
        lambda _trusted, other: Certificates(other).server(),
        "its certificate is not accepted: unable to get local issuer certificate",
    ),
    "another host": (
        lambda trusted, _other: trusted.server("chat.example.com"),
        "its certificate is not accepted: it is for another host name",
    ),
    "expired": (
        lambda trusted, _other: trusted.server(days=-1),
        "its certificate is not accepted: certificate has expired",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("make_tls", "says"), UNTRUSTED.values(), ids=UNTRUSTED.keys())
def test_a_certificate_that_proves_nothing_gets_no_message(
    kind: str,
    make_tls: Callable[[Certificates, Path], ssl.SSLContext],
    says: str,
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    heard: list[bytes] = []
    make, _contract, path = MAKE[kind]
    other = tmp_path / "other"
    other.mkdir()
    with raw(lambda c: heard.append(c.recv(65536)), make_tls(certificates, other)) as (port, _served):
        result = sent(make(f"https://127.0.0.1:{port}{path}"))
    assert (result.state, result.says) == (TRANSIENT, says)
    assert heard == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_without_tls_gets_no_message(kind: str, certificates: Certificates) -> None:
    make, _contract, path = MAKE[kind]
    with raw(receivers.garbage) as (port, _served):
        result = sent(make(f"https://127.0.0.1:{port}{path}"))
    assert result.state == TRANSIENT
    assert result.says.startswith("TLS failed (")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_gets_nothing_by_a_redirect(kind: str, status: int) -> None:
    make, contract, path = MAKE[kind]
    with Receiver(contract, path) as receiver, Receiver(contract, path) as other:
        receiver.script = [Reply(status, {"Location": other.url})]
        result = sent(make(receiver.url))
        assert result.state in (TRANSIENT, PERMANENT)
        assert (len(receiver.arrivals), len(other.arrivals)) == (1, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_on_the_same_host_is_followed_with_the_same_body(kind: str, status: int) -> None:
    make, contract, path = MAKE[kind]
    with Receiver(contract, path) as receiver:
        receiver.script = [Reply(status, {"Location": f"/moved{path}"}), Reply(200)]
        result = sent(make(receiver.url))
        assert result.state == SENT
        first, second = receiver.arrivals
        assert (second.path, second.body) == (f"/moved{path}", first.body)


@pytest.mark.parametrize("kind", KINDS)
def test_a_redirect_in_circles_ends(kind: str) -> None:
    make, contract, path = MAKE[kind]
    with Receiver(contract, path) as receiver:
        receiver.script = [Reply(307, {"Location": f"/{number}"}) for number in range(20)]
        result = sent(make(receiver.url))
        assert (result.state, result.says) == (TRANSIENT, "the receiver redirects in circles")
        assert len(receiver.arrivals) == 3


@pytest.mark.parametrize("location", ["http://[::1", "//", "https://x:99999/", "\x00", "ftp://127.0.0.1/"])
def test_a_location_that_is_none_does_no_harm(location: str) -> None:
    with Receiver(receivers.slack, SLACK_PATH) as receiver:
        receiver.script = [Reply(307, {"Location": location})]
        assert sent(Slack("slack-1", receiver.url)).state == TRANSIENT
        assert len(receiver.arrivals) == 1
