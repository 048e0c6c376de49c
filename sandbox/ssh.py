"""Keys, known_hosts and ssh_config of a machine: its host key is checked from the first login on."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.process import run

HOST_KEY_TYPES = ("ed25519", "rsa")


def make_key(path: Path, comment: str, kind: str = "ed25519") -> None:
    """A key pair without a passphrase: `path` (0600) and `path`.pub."""
    size = ["-b", "3072"] if kind == "rsa" else []
    run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", comment, "-f", str(path)])


def make_host_keys(name: str) -> dict[str, str]:
    """File name below /etc/ssh -> content, made here so that they are known before the machine boots."""
    with tempfile.TemporaryDirectory() as directory:
        make_key(Path(directory) / "ssh_host_ed25519_key", f"root@{name}")
        return {path.name: path.read_text() for path in sorted(Path(directory).iterdir())}


def known_hosts(name: str, address: str, host_key: str) -> str:
    """The line that makes the machine known by its name and by its address."""
    kind, key = host_key.split()[:2]
    return f"{name},{address} {kind} {key}\n"


def config(name: str, address: str, state: Path) -> str:
    """An ssh_config for `ssh -F … NAME`; paths are absolute, so it works from any directory."""
    return "\n".join([
        f"# ssh -F {shlex.quote(str(state / 'ssh_config'))} {name}",
        f"Host {name}",
        f"    HostName {address}",
        f"    HostKeyAlias {name}",
        "    User admin",
        f"    IdentityFile {_quoted(state / 'id_ed25519')}",
        "    IdentitiesOnly yes",
        f"    UserKnownHostsFile {_quoted(state / 'known_hosts')}",
        "    GlobalKnownHostsFile /dev/null",
        "    StrictHostKeyChecking yes",
        "    UpdateHostKeys no",
        "    PasswordAuthentication no",
        "    ControlMaster no",
        "    ConnectTimeout 10",
        "    LogLevel ERROR",
        "",
    ])  # fmt: skip


def _quoted(path: Path) -> str:
    """A path as ssh_config reads it: `%` begins a token there, and spaces need quotes."""
    return '"' + str(path).replace("%", "%%") + '"'


def command(config_file: Path, name: str, user: str, argv: Sequence[str] | str) -> list[str]:
    """The ssh command that runs `argv` (a list: quoted for the remote shell; a text: as it is)."""
    remote = argv if isinstance(argv, str) else shlex.join(argv)
    tail = ["--", remote] if remote else []
    return ["ssh", "-F", str(config_file), "-l", user, name, *tail]


def answers(config_file: Path, name: str) -> bool:
    """Whether the admin can log in now."""
    done = subprocess.run(
        [*command(config_file, name, "admin", "true")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.returncode == 0


def give_to_invoking_user(*paths: Path) -> None:
    """Under sudo, files in the clone belong to the person who typed the command, not to root."""
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.geteuid() == 0 and uid and gid:
        for path in paths:
            os.chown(path, int(uid), int(gid))
