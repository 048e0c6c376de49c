"""Chromium without a window, spoken to over two pipes: what a page says, asks the network for and measures.

with Browser(tmp_path) as browser:
    page = browser.open(path, width=390, height=844, scheme="dark")
    assert page.complaints == []
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

BOUND = 60
"""Seconds after which a browser is taken for hung."""
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars"
    " --remote-debugging-pipe --proxy-bypass-list=<-loopback>"
)


class Proxy:
    """What the browser takes for its way to the network: counts who comes, and lets nobody through."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                self.asked.append(connection.recv(4096).partition(b"\r\n")[0].decode("latin-1"))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(BOUND)


@dataclass
class Page:
    """A page that was opened, and what came of it."""

    browser: Browser
    session: str
    complaints: list[str] = field(default_factory=list)
    """What the console says."""
    asked: list[str] = field(default_factory=list)
    """Addresses that it asked for, its own left out."""

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.browser.call(
            "Runtime.evaluate", self.session, expression=expression, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def emulate(
        self, media: str = "screen", scheme: str = "light", width: int = 1000, height: int = 900
    ) -> None:
        """Show it on paper or a screen of this size, in a colour scheme."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.call("Emulation.setEmulatedMedia", self.session, media=media, features=features)
        self.browser.call(
            "Emulation.setDeviceMetricsOverride",
            self.session,
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def picture(self) -> bytes:
        """The whole page as a PNG."""
        answer = self.browser.call(
            "Page.captureScreenshot", self.session, captureBeyondViewport=True, format="png"
        )
        return base64.b64decode(answer["data"])


class Browser:
    """A browser of its own, with nothing kept from before; ended, with all its children, by `with`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.proxy = Proxy()
        self._number = 0
        self._pages: dict[str, Page] = {}
        self._loaded: set[str] = set()

    def __enter__(self) -> Browser:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        self._rest = b""
        flags = [
            *_FLAGS.split(),
            f"--proxy-server=http://127.0.0.1:{self.proxy.port}",
            f"--user-data-dir={self._directory / 'profile'}",
            "about:blank",
        ]
        with (self._directory / "chromium.err").open("wb") as errors:
            self._process = subprocess.Popen(
                # The browser reads its orders from 3 and answers on 4.
                [
                    "/bin/bash",
                    "-c",
                    f'exec "$@" 3<&{to_browser} 4>&{from_browser}',
                    "bash",
                    "chromium",
                    *flags,
                ],
                pass_fds=(to_browser, from_browser),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        os.close(to_browser)
        os.close(from_browser)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(BOUND)
        os.close(self._out)
        os.close(self._in)
        self.proxy.close()

    def open(self, path: Path, scheme: str = "light", width: int = 1000, height: int = 900) -> Page:
        """Open a file, and wait until all of it is there."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", session)
        page.emulate("screen", scheme, width, height)
        self.call("Page.navigate", session, url=path.as_uri())
        self._until(lambda: session in self._loaded)
        page.asked = [url for url in page.asked if url != path.as_uri()]
        return page

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Give an order, and wait for its answer."""
        self._number += 1
        number, order = self._number, {"id": self._number, "method": method, "params": parameters}
        if session:
            order["sessionId"] = session
        os.write(self._out, json.dumps(order).encode() + b"\0")
        answers: list[dict[str, Any]] = []

        def answered() -> bool:
            answers.extend(one for one in self._news if one.get("id") == number)
            return bool(answers)

        self._until(answered)
        assert "error" not in answers[0], (method, answers[0])
        result: dict[str, Any] = answers[0]["result"]
        return result

    _news: tuple[dict[str, Any], ...] = ()

    def _until(self, done: Any) -> None:
        deadline = time.monotonic() + BOUND
        while True:
            if done():
                self._news = ()
                return
            assert time.monotonic() < deadline, (self._directory / "chromium.err").read_text()[-2000:]
            data = os.read(self._in, 1 << 20)
            assert data, (self._directory / "chromium.err").read_text()[-2000:]
            *messages, self._rest = (self._rest + data).split(b"\0")
            self._news = tuple(map(json.loads, messages))
            for one in self._news:
                self._take(one)

    def _take(self, one: dict[str, Any]) -> None:
        page, method = self._pages.get(one.get("sessionId", "")), one.get("method")
        if page is None or method is None:
            return
        what = one["params"]
        if method == "Log.entryAdded":
            page.complaints.append(what["entry"]["text"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            page.complaints.append(json.dumps(what)[:500])
        elif method == "Network.requestWillBeSent":
            page.asked.append(what["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded.add(page.session)
