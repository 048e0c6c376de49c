"""Runs the machine's own programs and turns their failure into one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from sandbox.errors import SandboxError

# program -> the Debian package that brings it
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "chattr": "e2fsprogs",
}


def require_root_and_programs() -> None:
    """Raise SandboxError unless a sandbox can be run by this user with these programs."""
    if os.geteuid() != 0:
        raise SandboxError("a sandbox needs root: run the same command with sudo")
    # A root shell opened by plain `su` lacks the sbin directories, where ip and nft live.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin:/usr/bin:/sbin:/bin"])
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if missing:
        raise SandboxError(f"the sandbox needs: apt-get install {' '.join(missing)}")


def run(argv: Sequence[str], *, stdin: str | None = None, check: bool = True) -> str:
    """Standard output of `argv`; SandboxError with the program's first line of complaint if it fails."""
    done = subprocess.run(
        argv, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    if check and done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise SandboxError(f"{' '.join(argv[:4])}: {lines[0]}")
    return done.stdout
