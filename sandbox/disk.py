"""A machine's disk: an overlay over layers that are never changed, and a plain directory for Docker.

The lowest layer is a base; a copy of another machine has that one's frozen disk above it.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from contextlib import AbstractContextManager
from pathlib import Path

from sandbox import network, places
from sandbox.errors import SandboxError
from sandbox.process import run


def create(machine: Path, base: Path, facts: dict[str, str]) -> None:
    """An empty disk over `base` in the new directory `machine`, complete or not there at all."""
    places.private_directory(machine.parent)
    partial = machine.with_name(f".{machine.name}.new")
    with changing():
        partial.mkdir(mode=0o700)
        for name in ("upper", "work", "docker", "root"):
            (partial / name).mkdir()
            (partial / name).chmod(0o755)  # the guest's own / and /var/lib/docker, whatever the umask here
        (partial / "base").write_text(str(base))
        (partial / "machine.json").write_text(json.dumps(facts))
        partial.rename(machine)


def changing() -> AbstractContextManager[None]:
    """Nobody takes a disk that is half made for one that was abandoned."""
    return places.locked(places.private_directory(places.cache()) / ".disks.lock")


def layers(machine: Path) -> list[Path]:
    """What lies below the machine's own layer, the uppermost first; the last is the base."""
    frozen = machine / "layers"
    above = frozen.read_text().splitlines() if frozen.exists() else []
    return [*map(Path, above), Path((machine / "base").read_text())]


def prepare(machine: Path, name: str, key: str, host_keys: dict[str, str]) -> None:
    """Give the machine what differs from its base: name, identity, host keys, the admin's SSH key."""
    hosts = f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost\n"
    _write(machine, "etc/hostname", f"{name}\n")
    _write(machine, "etc/hosts", hosts)
    _write(machine, "etc/machine-id", f"{secrets.token_hex(16)}\n", mode=0o444)
    for file, text in host_keys.items():
        _write(machine, f"etc/ssh/{file}", text, mode=0o644 if file.endswith(".pub") else 0o600)
    _write(machine, "home/admin/.ssh/authorized_keys", key, mode=0o600, owner=1000)


def set_name_servers(machine: Path) -> None:
    """At each start: the network this machine is in may have changed since the last."""
    _write(machine, "etc/resolv.conf", network.name_servers())


def _write(machine: Path, name: str, text: str, *, mode: int = 0o644, owner: int = 0) -> None:
    """Write a file to the upper layer; its directories are as in the layers below, or the owner's alone."""
    directory = upper = machine / "upper"
    for part in Path(name).parent.parts:
        directory = directory / part
        if directory.exists():
            continue
        directory.mkdir()
        below = [layer / directory.relative_to(upper) for layer in layers(machine)]
        model = next((path for path in below if path.is_dir()), None)
        if model is not None:
            shutil.copystat(model, directory)
            shutil.chown(directory, model.stat().st_uid, model.stat().st_gid)
        else:
            directory.chmod(0o700)
            shutil.chown(directory, owner, owner)
    file = upper / name
    file.unlink(missing_ok=True)
    file.write_text(text)
    file.chmod(mode)
    shutil.chown(file, owner, owner)


def mount(machine: Path) -> None:
    """Mount the overlay in this process's own mount namespace."""
    below = ":".join(map(str, layers(machine)))
    options = f"lowerdir={below},upperdir={machine / 'upper'},workdir={machine / 'work'}"
    try:
        run(["mount", "-t", "overlay", "overlay", "-o", options, str(machine / "root")])
    except SandboxError as error:
        raise SandboxError(
            f"no overlay on {machine} ({error}): set QT_SANDBOX_CACHE to a directory on ext4 or xfs"
        ) from error


def remove(machine: Path) -> None:
    """Remove the machine's directory with all that is on its disk, append-only files too."""
    if not machine.exists():
        return
    run(["chattr", "-R", "-f", "-i", "-a", str(machine / "upper"), str(machine / "docker")], check=False)
    for _attempt in range(50):
        shutil.rmtree(machine, ignore_errors=True)
        if not machine.exists():
            return
        time.sleep(0.1)  # a process that is being killed may still write its last
    raise SandboxError(f"cannot remove {machine}: something still uses it (lsof +D says what)")
