"""`deliver` is killed at any moment: nothing is lost, and each kill repeats one message at most."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import FACE
from tests.support.delivering import Vps
from tests.support.receivers import Arrival, Receiver, Reply
from tests.support.recording import BOUND, environment

KILLS = 100
SEED = 20261122


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    def takes_its_time(_: Arrival) -> Reply:
        time.sleep(0.02)  # so that most kills come while one is on its way
        return Reply(200)

    with Receiver(takes_its_time, "/hook") as running:
        yield running


def deliver(home: Path, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(FACE), "deliver"],
        env=environment(home, QT_ALERT_WEBHOOK=f"json+{url}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_kills_at_random_moments_lose_nothing_and_repeat_one_message_each_at_most(
    tmp_path: Path, receiver: Receiver
) -> None:
    chance = random.Random(SEED)
    vps = Vps(tmp_path / "home")
    vps.write("System check", "info")
    home, written, killed = tmp_path / "home", 0, 0
    assert deliver(home, receiver.url).wait(BOUND) == 0
    while killed < KILLS:
        for _ in range(4):
            vps.write(f"Action {written} - FAILED: x")
            written += 1
        process = deliver(home, receiver.url)
        try:
            process.wait(chance.uniform(0.1, 0.35))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        said = process.communicate(timeout=BOUND)[0].decode()
        assert "Traceback" not in said, said
        assert len(receiver.taken) - len(ids(receiver)) <= killed
    last = deliver(home, receiver.url)
    assert (last.communicate(timeout=BOUND)[0].decode().count("sent"), last.returncode) in ((1, 0), (0, 0))
    titles = [arrival.json["title"].partition(": ")[2] for arrival in receiver.taken]
    assert len(titles) > len(ids(receiver))  # else no kill came between a message and its mark
    assert list(dict.fromkeys(titles)) == [f"Action {number} - FAILED: x" for number in range(written)]
    assert {path.name for path in vps.outbox_path.iterdir()} == {".lock", "channels.json", "cursor.json"}


def ids(receiver: Receiver) -> set[str]:
    return {arrival.json["id"] for arrival in receiver.taken}
