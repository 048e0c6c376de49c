"""A machine of this clone: boot it, reach it, break it, take it down."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from sandbox import base, disk, life, network, places, ssh, supervisor
from sandbox.errors import BootError, SandboxError
from sandbox.life import wait
from sandbox.process import require_root_and_programs
from sandbox.snapshot import Snapshot

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
# A boot takes about two seconds here; a machine under heavy load may take much longer.
_BOOT_PATIENCE_S = 300.0
_STOP_PATIENCE_S = 180.0

Progress = base.Progress


class Machine:
    """A Debian system named `name`, with its keys and addresses in `state` (default: .sandbox/NAME)."""

    def __init__(self, name: str, state_root: Path | None = None) -> None:
        if not _NAME.fullmatch(name):
            raise SandboxError(f"{name!r} is no machine name: at most 30 of a-z, 0-9 and '-', a letter first")
        self.name = name
        self.state = (state_root or places.REPOSITORY / ".sandbox").absolute() / name

    @property
    def ssh_config(self) -> Path:
        return self.state / "ssh_config"

    @property
    def directory(self) -> Path | None:
        """Where the machine's disk lies; None where it was never booted or has been taken down."""
        try:
            directory = Path(str(self.facts()["directory"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return directory if (directory / "machine.json").is_file() else None

    def facts(self) -> dict[str, object]:
        """What machine.json says of the machine."""
        loaded = json.loads((self.state / "machine.json").read_text())
        return dict(loaded)

    @property
    def address(self) -> str:
        running = self._running()
        return network.Network(running.slot).address

    def is_running(self) -> bool:
        """Whether its supervisor lives; the guest may still be on its way up."""
        directory = self.directory
        return directory is not None and places.is_held(directory / "alive")

    # -- life ------------------------------------------------------------------------------------

    @classmethod
    @contextmanager
    def boot(
        cls,
        name: str,
        suite: str = "bookworm",
        *,
        state_root: Path | None = None,
        progress: Progress | None = None,
        copy_of: Snapshot | None = None,
    ) -> Iterator[Machine]:
        """A fresh machine that answers over SSH, gone afterwards, also where this process is killed."""
        machine = cls(name, state_root)
        machine.down()
        try:
            machine.up(suite, progress=progress or _say_nothing, owner=os.getpid(), copy_of=copy_of)
            yield machine
        finally:
            machine.down()

    def up(
        self,
        suite: str | None = None,
        *,
        progress: Progress = base.say,
        owner: int | None = None,
        copy_of: Snapshot | None = None,
    ) -> bool:
        """Make it run and answer over SSH; False if it did already. A failed start leaves nothing behind.

        A machine that was powered off starts with its disk as it was; `suite` None is its own, or bookworm.
        A new one starts from a base, or with the disk that `copy_of` holds, and then bears its name.
        """
        require_root_and_programs()
        with self._alone():
            directory = self.directory
            if directory is not None and suite is not None and self.facts().get("suite") != suite:
                raise SandboxError(f"{self.name} is no {suite}: take it down first (down {self.name})")
            if self.is_running():
                if self.facts().get("address") != self.address:
                    self._write_ssh_files()  # the `up` that booted it was killed before it could
                self._wait_for_ssh()
                return False
            life.remove_abandoned()
            fresh = directory is None or not Path((directory / "base").read_text()).is_dir()
            if fresh:
                self._remove()
                directory = self._create(suite or "bookworm", progress, copy_of)
            assert directory is not None
            life.end(directory)  # what a supervisor that was killed has left
            try:
                self._start(directory, fresh, progress, owner)
            except BootError as error:
                if not fresh:
                    raise
                # The clean-up of /run/systemd/nspawn trips now and then over another machine that starts.
                progress(f"{error}; once more")
                self._start(self._create(suite or "bookworm", progress, copy_of), fresh, progress, owner)
            return True

    def down(self) -> bool:
        """End its processes, remove its links, rules and disk; False if there was nothing to remove."""
        if not self.state.exists():
            return False
        require_root_and_programs()
        with self._alone():
            self._remove()
        return True

    def poweroff(self) -> None:
        """Shut it down as `systemctl poweroff` does; its disk stays for the next `up`."""
        directory = self._directory()
        self.nsenter(["systemctl", "poweroff"], check=False)
        wait(
            lambda: not places.is_held(directory / "alive"),
            _STOP_PATIENCE_S,
            f"{self.name} did not power off",
        )

    def reboot(self) -> None:
        """Reboot it and wait until it answers again."""
        before = self._running().boots
        self.nsenter(["systemctl", "reboot"], check=False)
        wait(lambda: self._running().boots > before, _STOP_PATIENCE_S, f"{self.name} did not reboot")
        self._wait_for_ssh()

    # -- use -------------------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str] | str,
        *,
        user: str = "admin",
        check: bool = True,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program (a list) or a shell line (a text) there over SSH, output captured as text."""
        return subprocess.run(
            ssh.command(self.ssh_config, self.name, user, argv), check=check, text=True, errors="replace",
            capture_output=True, timeout=timeout, input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
        )  # fmt: skip

    def nsenter(
        self, argv: Sequence[str], *, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program there as root without SSH: for faults that would cut the connection."""
        command = ["nsenter", "--target", str(self.leader()), "--all", "--wd=/", "--", *argv]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
        }
        return subprocess.run(
            command, check=check, text=True, errors="replace", env=environment, input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
        )  # fmt: skip

    def leader(self) -> int:
        """The process id, on this machine, of its systemd."""
        nspawn = self._running().nspawn
        for child in Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split():
            with suppress(OSError):
                status = Path(f"/proc/{child}/status").read_text()
                if re.search(r"^NSpid:\s+\d+\s+1$", status, re.MULTILINE):
                    return int(child)
        raise SandboxError(f"{self.name} is not up")

    @property
    def link(self) -> str:
        """Its network link on this side: `ip link set LINK down` and nft rules on it are network faults."""
        return network.Network(self._running().slot).link

    # -- inside ----------------------------------------------------------------------------------

    def _create(self, suite: str, progress: Progress, copy_of: Snapshot | None) -> Path:
        if copy_of is not None and (copy_of.name, copy_of.suite) != (self.name, suite):
            raise SandboxError(f"a copy of {copy_of.name} ({copy_of.suite}) is no {self.name} ({suite})")
        tree = base.ensure(suite, progress) if copy_of is None else copy_of.base
        directory = places.cache() / "machines" / f"{self.name}-{secrets.token_hex(4)}"
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        facts = {"name": self.name, "suite": suite, "directory": str(directory), "state": str(self.state)}
        # Known before it exists: whatever happens from here on, `down` finds it.
        (self.state / "machine.json").write_text(json.dumps(facts, indent=2) + "\n")
        try:
            disk.create(directory, tree, facts)
            if copy_of is None:
                ssh.make_key(self.state / "id_ed25519", f"admin@{self.name}")
                host_keys = ssh.make_host_keys(self.name)
                disk.prepare(directory, self.name, (self.state / "id_ed25519.pub").read_text(), host_keys)
                (self.state / "host_key.pub").write_text(host_keys["ssh_host_ed25519_key.pub"])
            else:
                copy_of.lay(directory, self.state)
        except BaseException:
            self._remove()
            raise
        return directory

    def _start(self, directory: Path, fresh: bool, progress: Progress, owner: int | None) -> None:
        began = time.monotonic()
        progress(f"Booting {self.name} (Debian {self.facts()['suite']}) …")
        try:
            disk.set_name_servers(directory)
            life.begin(directory, owner)
            self._write_ssh_files()
            self._wait_for_ssh()
        except BaseException:
            life.keep_console(directory)
            if fresh:
                self._remove()
            else:
                life.end(directory)  # the disk is somebody's work: it stays
            raise
        progress(f"{self.name} answers over SSH at {self.address} after {time.monotonic() - began:.1f} s")

    def _write_ssh_files(self) -> None:
        address = self.address
        host_key = (self.state / "host_key.pub").read_text()
        (self.state / "known_hosts").write_text(ssh.known_hosts(self.name, address, host_key))
        self.ssh_config.write_text(ssh.config(self.name, address, self.state))
        facts = {**self.facts(), "address": address}
        (self.state / "machine.json").write_text(json.dumps(facts, indent=2) + "\n")
        ssh.give_to_invoking_user(self.state.parent, self.state, *self.state.iterdir())

    def _wait_for_ssh(self) -> None:
        directory = self._directory()

        def listens() -> bool:
            if not places.is_held(directory / "alive"):
                raise BootError(f"{self.name} stopped while it booted: {life.last_words(directory)}")
            return _has_ssh_banner(self.address) and ssh.answers(self.ssh_config, self.name)

        console = places.cache() / "failed-start.log"
        wait(listens, _BOOT_PATIENCE_S, f"{self.name} does not answer over SSH (what it said: {console})")

    def _running(self) -> supervisor.Running:
        running = supervisor.read_running(self._directory()) if self.is_running() else None
        if running is None:
            raise SandboxError(f"{self.name} does not run: start it with `python3 -m sandbox up {self.name}`")
        return running

    def _directory(self) -> Path:
        directory = self.directory
        if directory is None:
            raise SandboxError(f"there is no machine {self.name}: make it with `up {self.name}`")
        return directory

    def _remove(self) -> None:
        directory = self.directory
        if directory is not None:
            life.end(directory)
            disk.remove(directory)
        shutil.rmtree(self.state, ignore_errors=True)
        with suppress(OSError):
            self.state.parent.rmdir()  # only where this was the last

    def _alone(self) -> AbstractContextManager[None]:
        """No two processes start or end the same machine at once."""
        name = hashlib.sha256(str(self.state).encode()).hexdigest()[:16]
        return places.locked(places.private_directory(places.RUNTIME) / f"machine-{name}.lock")


def _say_nothing(_line: str) -> None:
    """What tells of nothing where nobody asked."""


def _has_ssh_banner(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
