"""Local HTTP servers that behave like Discord, Slack or an operator's own receiver, and faulty servers.

They follow the documented contracts, including limits and errors, and keep the requests that arrive. A test
can set the first replies: `receiver.script = [Reply(429, …)]`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema

from tests.support.certificates import Certificates
from tests.support.checkout import TOOLS

TOKEN = "tok3nS3cretValueThatMustNeverShowUpAnywhere_0123456789-abcdefghijklmn"
DISCORD_PATH = f"/api/webhooks/123456789012345678/{TOKEN}"
SLACK_PATH = f"/services/T024BE7LH/B024BE7LH/{TOKEN}"
HOOK_PATH = f"/hooks/{TOKEN}"
SCHEMA = TOOLS / "qt_audit/delivery/channels/json_webhook.schema.json"


@dataclass(frozen=True)
class Arrival:
    """One request that arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """One reply to send."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of_json(cls, status: int, value: object, **headers: str) -> Reply:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, {"Content-Type": "application/json", **named}, json.dumps(value).encode())


Contract = Callable[[Arrival], Reply]


class Receiver:
    """An HTTP server on a free port of 127.0.0.1. It keeps all requests, and those it accepted (2xx)."""

    def __init__(self, contract: Contract, path: str, certificates: Certificates | None = None) -> None:
        self.arrivals: list[Arrival] = []
        self.taken: list[Arrival] = []
        self.script: list[Reply] = []
        self._contract = contract
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                arrival = Arrival(
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
                reply = receiver.answer(arrival)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that does not like our certificate

        self._server = Server(("127.0.0.1", 0), Handler)
        if certificates is not None:
            self._server.socket = certificates.server().wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if certificates is not None else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}{path}"

    def answer(self, arrival: Arrival) -> Reply:
        self.arrivals.append(arrival)
        reply = self.script.pop(0) if self.script else self._contract(arrival)
        if 200 <= reply.status <= 299:
            self.taken.append(arrival)
        return reply

    def __enter__(self) -> Receiver:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def discord(arrival: Arrival) -> Reply:
    """Discord's documented Execute Webhook: 200 with a message, 204 without ?wait=true."""
    parts = urlsplit(arrival.path)
    if not parts.path.startswith("/api/webhooks/123456789012345678/"):
        return Reply.of_json(404, {"message": "Unknown Webhook", "code": 10015})
    if parts.path != DISCORD_PATH:
        return Reply.of_json(401, {"message": "Invalid Webhook Token", "code": 50027})
    try:
        errors = dict(_discord_errors(json.loads(arrival.body)))
    except ValueError:
        return Reply.of_json(400, {"message": "The request body contains invalid JSON.", "code": 50109})
    if errors:
        return Reply.of_json(400, {"message": "Invalid Form Body", "code": 50035, "errors": errors})
    if parse_qs(parts.query).get("wait") == ["true"]:
        return Reply.of_json(200, {"id": "1300000000000000000", "type": 0})
    return Reply(204)


def _discord_errors(body: Any) -> Iterator[tuple[str, str]]:
    """The errors that Discord reports, by path. It counts code points."""
    if not isinstance(body, dict):
        yield "", "must be an object"
        return
    embeds = body.get("embeds", [])
    if not body.get("content") and not embeds:
        yield "", "Cannot send an empty message"
    if len(body.get("content") or "") > 2000:
        yield "content", "Must be 2000 or fewer in length."
    if len(embeds) > 10:
        yield "embeds", "Must be 10 or fewer in length."
    total = 0
    for number, embed in enumerate(embeds):
        limits = {"title": 256, "description": 4096}
        texts = [(name, embed[name], limit) for name, limit in limits.items() if name in embed]
        if "footer" in embed:
            texts.append(("footer.text", embed["footer"]["text"], 2048))
        fields = embed.get("fields", [])
        if len(fields) > 25:
            yield f"embeds.{number}.fields", "Must be 25 or fewer in length."
        for place, item in enumerate(fields):
            texts.append((f"fields.{place}.name", item["name"], 256))
            texts.append((f"fields.{place}.value", item["value"], 1024))
        for name, text, limit in texts:
            if not text.strip():
                yield f"embeds.{number}.{name}", "This field is required"
            if len(text) > limit:
                yield f"embeds.{number}.{name}", f"Must be {limit} or fewer in length."
            if any(0xD800 <= ord(char) < 0xE000 for char in text):
                yield f"embeds.{number}.{name}", "Not Unicode."
            total += len(text)
        colour = embed.get("color", 0)
        if not isinstance(colour, int) or not 0 <= colour <= 0xFFFFFF:
            yield f"embeds.{number}.color", "int value should be between 0 and 16777215"
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", embed.get("timestamp", "2026-01-01T00:00:00Z")):
            yield f"embeds.{number}.timestamp", "Could not parse as ISO8601."
    if total > 6000:
        yield "embeds", "Embed size exceeds maximum size of 6000"


def slack(arrival: Arrival) -> Reply:
    """Slack's documented incoming webhook, which replies in plain text."""
    if arrival.path != SLACK_PATH:
        return Reply(404, {}, b"no_service")
    try:
        body = json.loads(arrival.body)
    except ValueError:
        return Reply(400, {}, b"invalid_payload")
    if not isinstance(body, dict):
        return Reply(400, {}, b"invalid_payload")
    if not body.get("text") and not body.get("blocks"):
        return Reply(400, {}, b"no_text")
    blocks = body.get("blocks", [])
    good = len(blocks) <= 50 and all(_slack_block(block) for block in blocks)
    return Reply(200, {}, b"ok") if good else Reply(400, {}, b"invalid_blocks")


def _slack_block(block: Any) -> bool:
    kind = block["type"]
    if kind == "header":
        return _slack_text(block["text"], 150, ("plain_text",))
    if kind == "section":
        fields = block.get("fields", [])
        return (
            ("text" in block or bool(fields))
            and ("text" not in block or _slack_text(block["text"], 3000))
            and len(fields) <= 10
            and all(_slack_text(item, 2000) for item in fields)
        )
    if kind == "context":
        return 1 <= len(block["elements"]) <= 10 and all(
            _slack_text(item, 3000) for item in block["elements"]
        )
    return False


def _slack_text(text: Any, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> bool:
    return text["type"] in kinds and 1 <= len(text["text"]) <= limit


def receiver_of_ours(secret: str) -> Contract:
    """A receiver that verifies the signature (else 401) and the document's schema (else 400)."""
    schema = json.loads(SCHEMA.read_text())

    def contract(arrival: Arrival) -> Reply:
        headers = arrival.headers
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + arrival.body
        code = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
        expected = f"v1,{base64.b64encode(code).decode()}"
        fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
        if not fresh or not hmac.compare_digest(headers.get("webhook-signature", ""), expected):
            return Reply(401)
        try:
            jsonschema.validate(arrival.json, schema)
        except jsonschema.ValidationError:
            return Reply(400)
        return Reply(202)

    return contract


@contextmanager
def raw(
    serve: Callable[[socket.socket], None], certificates: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[int]]]:
    """A server that runs `serve` for each connection. Yields its port and a list, one item per connection."""
    served: list[int] = []
    open_now: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        with suppress(OSError):  # the client has gone, or likes no certificate of ours
            if certificates is not None:
                connection = certificates.wrap_socket(connection, server_side=True)
                open_now.append(connection)
            serve(connection)
        connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            served.append(1)
            open_now.append(connection)
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1], served
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for connection in open_now:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def hang(connection: socket.socket) -> None:
    """Read everything and reply nothing."""
    while connection.recv(65536):
        pass


def drip(connection: socket.socket) -> None:
    """Send one byte now and then, for ever: no single one is late, but the reply never ends."""
    connection.recv(65536)
    endless(connection, b"HTTP/1.1 200 OK\r\nX-Slow: ")


def drip_body(connection: socket.socket) -> None:
    """Accept the message with a status, then never end the reply's body."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    endless(connection, b"")


def endless(connection: socket.socket, begin: bytes) -> None:
    connection.sendall(begin)
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def reset(connection: socket.socket) -> None:
    """Reset the connection, like a server that crashed."""
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(connection: socket.socket) -> None:
    """Close the connection without a reply."""
    connection.recv(65536)


def garbage(connection: socket.socket) -> None:
    """Reply in another protocol."""
    connection.recv(65536)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n" + b"\x00\xff" * 40_000)


def endless_headers(connection: socket.socket) -> None:
    """Send headers without an end, as fast as possible."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: 1\r\n" * 1000)
