"""Keeps one machine running: mounts its disk, gives it a network, boots it, boots it again on reboot.

Runs in a mount namespace of its own, so that its mounts end with it, and holds the lock `alive` in the
machine's directory as long as the machine exists. Started as
`python -m sandbox.supervisor DIRECTORY PIPE OWNER_PID`: writes a byte to the descriptor PIPE once the guest
begins to boot; where the owner (0: none) dies, the machine goes too.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox import cgroup, disk, kernel, network
from sandbox.errors import SandboxError
from sandbox.process import run

_REBOOT = 133  # systemd-nspawn's status when a guest asked for a reboot and the unit is to start it again

_NSPAWN_ENVIRONMENT = {
    # Docker inside needs one hierarchy, also where this machine has the old two, …
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    # … and its own network settings, which a network that we made would otherwise make read-only.
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
}


@dataclass(frozen=True)
class Running:
    """What is known of a machine that runs; `boots` counts its starts, the first is 1."""

    supervisor: int
    slot: int
    nspawn: int
    boots: int


def read_running(machine: Path) -> Running | None:
    """The machine's present state, or None where it does not run (ask `alive` first)."""
    try:
        return Running(**json.loads((machine / "running.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _publish(machine: Path, running: Running) -> None:
    fresh = machine / "running.json.new"
    fresh.write_text(json.dumps(asdict(running)))
    fresh.rename(machine / "running.json")


def nspawn_command(machine: Path, name: str, net: network.Network) -> list[str]:
    """The command line that boots the machine; Docker inside is why it has every capability."""
    return [
        "systemd-nspawn", "--boot", "--quiet", "--settings=no", "--register=no", "--keep-unit",
        f"--directory={machine / 'root'}", f"--machine=qts-{machine.name}", f"--hostname={name}",
        f"--network-namespace-path={net.namespace}", f"--bind={machine / 'docker'}:/var/lib/docker",
        "--capability=all", "--system-call-filter=add_key keyctl bpf",
        "--resolv-conf=off", "--timezone=off", "--link-journal=no",
    ]  # fmt: skip


class Supervisor:
    """One machine's life from its first boot to its last power-off."""

    def __init__(self, machine: Path, pipe: int, owner: int) -> None:
        self._machine = machine
        self._pipe = pipe
        self._owner = owner
        self._ending = threading.Event()
        self._name = str(json.loads((machine / "machine.json").read_text())["name"])

    def live(self) -> None:
        """Returns when the machine was powered off or ended, with its network and processes gone."""
        kernel.make_room()
        disk.mount(self._machine)
        net = network.reserve(self._machine)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        if self._owner:
            threading.Thread(target=self._follow_owner, daemon=True).start()
        try:
            boots = 1
            while self._boot(net, boots) == _REBOOT and not self._ending.is_set():
                boots += 1
        finally:
            (self._machine / "running.json").unlink(missing_ok=True)
            cgroup.end(self._machine)
            network.release(net)

    def _boot(self, net: network.Network, boots: int) -> int:
        network.create(net)
        command = [*cgroup.command_prefix(self._machine), *nspawn_command(self._machine, self._name, net)]
        environment = {**os.environ, **_NSPAWN_ENVIRONMENT}
        # Its own session: a Ctrl-C at the terminal that started it is not meant for it.
        guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
        _publish(self._machine, Running(os.getpid(), net.slot, guest.pid, boots))
        if boots == 1:
            os.write(self._pipe, b"1")
        if self._ending.is_set():
            cgroup.kill(self._machine)
        status = guest.wait()
        cgroup.end(self._machine)
        return status

    def _end(self) -> None:
        self._ending.set()
        cgroup.kill(self._machine)

    def _follow_owner(self) -> None:
        """Wait for the owner to die; the directory goes too, for nobody is left to ask for it."""
        try:
            handle = os.pidfd_open(self._owner)
            select.select([handle], [], [])
        except ProcessLookupError:
            pass
        (self._machine / "abandoned").touch()
        os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Entry point; complaints go to the machine's console log, where `up` finds them."""
    machine, pipe, owner = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    os.set_inheritable(pipe, False)
    status = 0
    with (machine / "alive").open("w") as alive:
        try:
            # Whoever asks whether it is held holds it for an instant: so this waits.
            fcntl.flock(alive, fcntl.LOCK_EX)
            Supervisor(machine, pipe, owner).live()
        except (SandboxError, OSError) as error:
            print(f"sandbox: {error}", file=sys.stderr)
            status = 1
    if (machine / "abandoned").exists():
        # Our own mount is still on it: only once it is gone can the directory be removed.
        run(["umount", "--lazy", str(machine / "root")], check=False)
        state = Path(str(json.loads((machine / "machine.json").read_text())["state"]))
        disk.remove(machine)
        shutil.rmtree(state, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
