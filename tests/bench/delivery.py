"""What an alert costs whoever records it, and how fast waiting messages reach a receiver on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.bench.commands import PYTHON, ROOT, TOOLS, environment, tool
from tests.bench.table import Row, median, paired_ratio, progress

_KINDS = ("plain", "alert")
_CHILD = (PYTHON, "-m", "tests.bench.delivery")


def measure(directory: Path, quick: bool) -> list[Row]:
    return [_recording(directory, quick), *_sender(directory, quick)]


def _recording(directory: Path, quick: bool) -> Row:
    """Both fail, so that their entries are the same; only one has a channel that is to be told."""
    times: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for number in range(3 if quick else 7):
        for kind in _KINDS:
            progress(f"delivery: log_action, {kind}, round {number + 1}")
            home = directory / f"{kind}{number}"
            (home / "status/outbox").mkdir(parents=True)
            webhook = {"QT_ALERT_WEBHOOK": "json+http://127.0.0.1:9/"} if kind == "alert" else {}
            done = subprocess.run(
                [*_CHILD, kind, str(200 if quick else 1000)],
                cwd=ROOT,
                env={**environment(home), **webhook},
                stdout=subprocess.PIPE,
                check=True,
            )
            times[kind].append(float(json.loads(done.stdout)))
    return Row(
        "log_action with an alert queued: p50",
        f"{median(times['alert']):.0f} us",
        f"{median(times['plain']):.0f} us without one",
        paired_ratio(times["alert"], times["plain"]),
        "<= 2",
    )


def _writer(kind: str, count: int) -> None:
    """Print the median of log_action's times, in microseconds; each alert is the first since a delivery."""
    sys.path.insert(0, str(TOOLS))
    from audit_logger import log_action
    from qt_audit.settings import loading as settings

    wake = Path(settings.current().home) / "status/outbox/wake"
    times = []
    for number in range(count):
        begin = time.perf_counter()
        log_action(f"Backup {number} - FAILED: x", outcome="failed")
        times.append((time.perf_counter() - begin) * 1e6)
        wake.unlink(missing_ok=kind == "plain")
    print(median(times))


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _sender(directory: Path, quick: bool) -> list[Row]:
    """A receiver of its own process, a message for each of many failures, and one `deliver`."""
    count, rates = 200 if quick else 1000, []
    with subprocess.Popen([*_CHILD, "receiver"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            assert receiver.stdout is not None
            url = receiver.stdout.readline().strip()
            for number in range(1 if quick else 3):
                progress(f"delivery: {count} messages, round {number + 1}")
                rates.append(count / _one_delivery(directory / f"sending{number}", url, count))
        finally:
            receiver.kill()
    return [
        Row(
            f"deliver, {count} new messages, from the record to a receiver",
            f"{median(rates):.0f}/s",
            goal=">= 200/s",
        )
    ]


def _one_delivery(home: Path, url: str, count: int) -> float:
    environ = {**environment(home), "QT_ALERT_WEBHOOK": f"json+{url}"}
    nobody = {**environ, "QT_ALERT_WEBHOOK": "json+http://127.0.0.1:9/"}

    def run(env: dict[str, str], *arguments: str, stdin: str = "", status: int = 0) -> float:
        begin = time.perf_counter()
        done = subprocess.run(
            tool(*arguments), env=env, input=stdin, text=True, stdout=subprocess.PIPE, check=False
        )
        assert done.returncode == status, done.stdout
        return time.perf_counter() - begin

    run(environ, "log", "begin")
    run(environ, "deliver")
    lines = "".join(f"Backup {number} - FAILED: x\n" for number in range(count))
    run(nobody, "log", "-", "--outcome", "failed", stdin=lines)
    return run(environ, "deliver")


def _receive() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _receive() if sys.argv[1] == "receiver" else _writer(sys.argv[1], int(sys.argv[2]))
