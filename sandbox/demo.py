"""Breaks the sandbox VPS in seven ways, one after the other, and prints the trail that its healing leaves.

`make demo` runs it; it needs a deployed VPS named `vps`. Ends with 1 where something did not heal.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox import ssh
from sandbox.machine import Machine

AUDIT = "python3 ~/quantum_trader/tools/audit_logger.py"
REPAIRS = "python3 ~/quantum_trader/scripts/auto_repair_system.py"
# What a repair waits for at most is shorter; a loaded machine is slower.
_PATIENCE_S = 90.0
_TRIGGERED, _RECOVERED = "Auto-heal: Triggered", "Auto-heal: Recovered"
_SIGNS = {"started": "▸", "succeeded": "✔", "failed": "✘", "info": "·"}
_COLOURS = {"started": "33", "succeeded": "32", "failed": "31", "info": "2"}


@dataclass(frozen=True)
class Fault:
    """A way to break it: what happens in plain words, how, what sees it, and who does it."""

    story: str
    command: str
    threshold: str
    user: str = "admin"


FAULTS = (
    Fault(
        "Somebody drops the database quantum.",
        "sudo -u postgres dropdb --force quantum",
        "the database quantum",
    ),
    Fault("The PostgreSQL server stops.", "sudo systemctl stop postgresql@15-main", "PostgreSQL"),
    Fault("The Grafana container stops.", "sudo docker stop grafana", "Grafana"),
    Fault(
        "A model with 18 features is put where one with 22 belongs.",
        "python3 /srv/trading/old_model.py ~/quantum_trader/models/xgboost_model.json",
        "the model",
        user="qt",
    ),
    Fault(
        "Docker's cache fills up with an image that nobody uses.",
        "head -c 40M /dev/urandom >waste; tar -c waste | sudo docker import -; rm waste",
        "Docker's cache",
    ),
    Fault(
        "Old logs fill a disk.",
        "head -c 40M /dev/zero >/srv/scratch/trader.log; touch -d '3 days ago' /srv/scratch/trader.log",
        "disk /srv/scratch",
    ),
    Fault(
        "The trading agent is killed.", "sudo systemctl kill --signal=KILL trading-agent", "the trading agent"
    ),
)


class DemoError(Exception):
    """It does not go on; the message says why."""


def paint(text: str, code: str) -> str:
    """The text in a colour, on a terminal."""
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def entry_lines(entry: Mapping[str, Any], since: float) -> Iterator[str]:
    """One entry as the demo shows it; beneath what triggers, what was seen."""
    at = datetime.fromisoformat(entry["ts"].replace("Z", "+00:00")).timestamp()
    outcome = entry["outcome"]
    when = paint(f"{max(0.0, at - since):5.1f} s", "2")
    yield f"    {when}  {paint(_SIGNS.get(outcome, '·'), _COLOURS.get(outcome, '0'))} {entry['action']}"
    details = entry["details"]
    if entry["action"].startswith(_TRIGGERED):
        seen = details.get("found") or details.get("value")
        yield paint(f"               {details.get('threshold')}: {seen}", "2")


class Vps:
    """The sandbox VPS, over SSH as anybody reaches it."""

    def __init__(self) -> None:
        self._machine = Machine("vps")

    def command(self, command: str, user: str) -> list[str]:
        return ssh.command(self._machine.ssh_config, "vps", user, command)

    def run(self, command: str, user: str = "qt") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(command, user), check=False, text=True, capture_output=True, stdin=subprocess.DEVNULL
        )

    def show(self, command: str) -> int:
        """Run it as qt, with the command and what it prints on the terminal."""
        print(f"\n{paint(f'qt@vps:~$ {command}', '1')}", flush=True)
        return subprocess.run(self.command(command, "qt"), check=False, stdin=subprocess.DEVNULL).returncode

    def clock(self) -> float:
        """Its time, in seconds since the epoch."""
        return float(self.run("date +%s.%N").stdout)

    @contextmanager
    def trail(self) -> Iterator[queue.Queue[dict[str, Any]]]:
        """The entries from now on, as they appear."""
        entries: queue.Queue[dict[str, Any]] = queue.Queue()
        # With a terminal there, the end of the connection ends the command too.
        argv = self.command(f"{AUDIT} tail -n 1 -f --json", "qt")
        argv.insert(1, "-tt")
        following = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert following.stdout is not None
        lines = following.stdout

        def read() -> None:
            for line in lines:
                entries.put(json.loads(line))

        reading = threading.Thread(target=read, daemon=True)
        reading.start()
        try:
            entries.get(timeout=30)  # the last one before: now it follows
            yield entries
        except queue.Empty:
            raise DemoError(
                "the audit trail of the VPS cannot be followed: make deploy, then again"
            ) from None
        finally:
            following.terminate()
            following.wait()
            reading.join()


def heal(vps: Vps, fault: Fault, entries: queue.Queue[dict[str, Any]]) -> float:
    """Break it, print the entries until it has recovered, and return the seconds that took."""
    since = vps.clock()
    broken = vps.run(fault.command, fault.user)
    if broken.returncode != 0:
        raise DemoError(f"it cannot even be broken: {(broken.stderr or broken.stdout).strip()}")
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            entry = entries.get(timeout=max(0.1, deadline - time.monotonic()))
        except queue.Empty:
            raise DemoError(
                f"no recovery within {_PATIENCE_S:.0f} s: look with make sandbox-shell ARGS='--user qt'"
            ) from None
        for line in entry_lines(entry, since):
            print(line, flush=True)
        if entry["action"].startswith(_RECOVERED) and entry["details"].get("threshold") == fault.threshold:
            return vps.clock() - since


def tell(number: int, fault: Fault) -> None:
    """What is about to happen."""
    print(f"\n{paint(f'{number} of {len(FAULTS)}', '1;36')}  {paint(fault.story, '1')}")
    print(paint(textwrap.indent(f"$ {fault.command}", "        "), "2"), flush=True)


def main() -> int:
    """The whole of it; the exit status says whether everything healed."""
    vps = Vps()
    print(paint("\nA VPS that heals itself, and writes down what it does.", "1"))
    print("Seven things break, one after the other; nobody helps. First: is all well?")
    if vps.show(REPAIRS) != 0:
        raise DemoError("not everything is well to begin with; the lines above say what")
    print("\nEach line below is an entry of the audit trail, with the seconds since it broke:")
    print(paint("    ▸ about to   ✔ done, and proved   ✘ failed", "2"))
    took = []
    with vps.trail() as entries:
        for number, fault in enumerate(FAULTS, 1):
            tell(number, fault)
            took.append(heal(vps, fault, entries))
    print(
        f"\n{paint(f'Healed {len(took)} of {len(FAULTS)}', '1;32')}, the slowest in {max(took):.0f} s.",
        end=" ",
    )
    print("What the trail says of it, what is mailed once a day, and whether anybody has touched it since:")
    vps.show(f"{AUDIT} daily_summary")
    return vps.show(f"{AUDIT} verify")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DemoError as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ndemo: stopped; what was broken last may still be healing", file=sys.stderr)
        sys.exit(130)
