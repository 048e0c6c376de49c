"""Report the service's state to systemd (sd_notify) and ping its watchdog. Without systemd: do nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


class NotifySocket:
    """The socket that NOTIFY_SOCKET names. A message that cannot be sent is dropped."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environ) if self._address else 0.0
        """Seconds between two watchdog pings; 0 if systemd expects none."""
        self._socket: socket.socket | None = None
        self._last_status = ""

    def ready(self) -> None:
        """The service has started, or has finished reloading."""
        self._send("READY=1")

    def reloading(self) -> None:
        """It reads its configuration again; `ready` must follow. The time is for Type=notify-reload."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def ping_watchdog(self) -> None:
        """Tell the watchdog that the loop still runs."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows. Sent only if it changed."""
        line = " ".join(text.split())[:500]
        if line != self._last_status:
            self._last_status = line
            self._send(f"STATUS={line}")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                self._socket.setblocking(False)  # systemd must not block us
            self._socket.sendto(message.encode("utf-8"), self._address)
        except OSError:
            self.close()


def _address(named: str) -> str:
    """The socket's address; a leading @ stands for the NUL of the abstract namespace. Empty: none."""
    if named.startswith("@"):
        return "\0" + named[1:]
    return named if named.startswith("/") else ""


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Half of WATCHDOG_USEC in seconds, as sd_watchdog_enabled(3) advises, if it is for this process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / 2e6 if text.isascii() and text.isdigit() else 0.0
