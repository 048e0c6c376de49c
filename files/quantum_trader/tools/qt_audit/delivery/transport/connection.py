"""Connections with one deadline for the whole conversation, however slowly the other side sends.

A socket's own timeout begins anew with every byte; these sockets give each call only the time that is left.
Error texts contain no address, because the address may be the secret.
"""

from __future__ import annotations

import functools
import math
import os
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_OTHER_NAME = (62, 64)
"""OpenSSL's error codes for a certificate of another host name or address."""


def remaining(deadline: float) -> float:
    """Seconds until `deadline` (time.monotonic()). Raises TimeoutError if it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Socket(socket.socket):
    """A socket with a deadline for its whole conversation."""

    deadline = math.inf

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(remaining(self.deadline))
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        self.settimeout(remaining(self.deadline))  # Python applies it to the whole call
        super().sendall(data, flags)


class _TlsSocket(ssl.SSLSocket):
    """The same within TLS."""

    deadline = math.inf

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(remaining(self.deadline))
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        self.settimeout(remaining(self.deadline))
        return super().send(data, flags)


def connect(host: str, port: int, deadline: float) -> socket.socket:
    """A connected socket; connecting and all later calls end at `deadline`. Raises OSError.

    Each of the host's addresses gets its share of the time, so that one that drops packets leaves some for
    the next.
    """
    candidates = _resolve(host, port, deadline)
    error: OSError = ConnectionError("no address")
    for number, (family, kind, protocol, _name, address) in enumerate(candidates):
        opened = _Socket(family, kind, protocol)
        opened.deadline = deadline
        try:
            opened.settimeout(remaining(deadline) / (len(candidates) - number))
            opened.connect(address)
        except OSError as why:
            opened.close()
            error = why
        else:
            return opened
    raise error


def secured(plain: socket.socket, host: str, deadline: float) -> socket.socket:
    """TLS over the connection `plain`. The certificate must be valid for `host`.

    Raises OSError; `plain` is closed then.
    """
    plain.settimeout(remaining(deadline))  # applies to the whole handshake
    try:
        tls = context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
    limit(tls, deadline)
    return tls


def limit(tls: socket.socket | None, deadline: float) -> None:
    """Set the deadline of a socket that context() made for somebody else, such as smtplib's STARTTLS."""
    assert isinstance(tls, _TlsSocket)
    tls.deadline = deadline


def context() -> ssl.SSLContext:
    """The TLS settings: certificates are verified by the system's authorities, or by SSL_CERT_FILE and
    SSL_CERT_DIR."""
    return _context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.lru_cache(maxsize=2)
def _context(*_named: str | None) -> ssl.SSLContext:
    """Cached, because reading the authorities takes longer than most conversations."""
    new_context = ssl.create_default_context()
    new_context.sslsocket_class = _TlsSocket
    return new_context


def _resolve(host: str, port: int, deadline: float) -> list[Any]:
    """The host's addresses. The resolver has no timeout, so it runs in a thread. Raises OSError."""
    answer: list[list[Any] | OSError] = []

    def ask() -> None:
        try:
            answer.append(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            answer.append(error)
        except UnicodeError:  # a label that no name server could know
            answer.append(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(remaining(deadline))
    if not answer:
        raise TimeoutError
    if isinstance(answer[0], OSError):
        raise answer[0]
    return answer[0]


def why(error: BaseException, timeout: float) -> str:
    """The error in words, such as `the host name is not known`, and without any part of an address."""
    if isinstance(error, TimeoutError):
        return f"no answer within {round(timeout, 1):g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return "its certificate is not accepted: it is for another host name"
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, (BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or type(error).__name__})"
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return "the connection was closed without an answer"
