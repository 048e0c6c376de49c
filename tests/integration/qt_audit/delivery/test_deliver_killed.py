"""`deliver` is killed at any moment: nothing is lost, and each kill repeats one message at most."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.checkout import FACE
from tests.support.delivering import Vps
from tests.support.receivers import Arrival, Receiver, Reply
from tests.support.recording import BOUND, environment
from tests.support.scale import STORM

KILLS = 25 * STORM
SEED = 20261122


class Killer:
    """Kills a delivery while its message number `at` is on its way; 0: never."""

    def __init__(self) -> None:
        self.at = 0
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self, _: Arrival) -> Reply:
        self.at -= 1
        if self.at == 0 and self.process is not None:
            self.process.kill()
            self.process.wait(BOUND)
        return Reply(200)


@pytest.fixture
def killer() -> Killer:
    return Killer()


@pytest.fixture
def receiver(killer: Killer) -> Iterator[Receiver]:
    with Receiver(killer, "/hook") as running:
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
    tmp_path: Path, receiver: Receiver, killer: Killer
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
        # Half of them while a message is on its way, however slow the machine is; half at any moment.
        killer.at = chance.randint(1, 4) if chance.random() < 0.5 else 0
        process = killer.process = deliver(home, receiver.url)
        with suppress(subprocess.TimeoutExpired):
            process.wait(BOUND if killer.at else chance.uniform(0.1, 0.35))
        process.kill()
        process.wait(BOUND)
        killed += process.returncode == -signal.SIGKILL
        said = process.communicate(timeout=BOUND)[0].decode()
        assert "Traceback" not in said, said
        assert len(receiver.taken) - len(ids(receiver)) <= killed
    killer.at = 0
    last = deliver(home, receiver.url)
    assert (last.communicate(timeout=BOUND)[0].decode().count("sent"), last.returncode) in ((1, 0), (0, 0))
    titles = [arrival.json["title"].partition(": ")[2] for arrival in receiver.taken]
    assert len(titles) > len(ids(receiver))  # else no kill came between a message and its mark
    assert list(dict.fromkeys(titles)) == [f"Action {number} - FAILED: x" for number in range(written)]
    assert {path.name for path in vps.outbox_path.iterdir()} == {".lock", "channels.json", "cursor.json"}


def ids(receiver: Receiver) -> set[str]:
    return {arrival.json["id"] for arrival in receiver.taken}
