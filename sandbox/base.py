"""The base: a Debian tree as a provider would install it, built once a machine and suite."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from sandbox import places
from sandbox.errors import SandboxError
from sandbox.process import run

SUITES = ("bookworm", "trixie")
INSTALLED = (
    "systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "python3", "python3-apt", "sudo",
    "cron", "logrotate", "iproute2", "procps", "ca-certificates", "apt", "less", "iputils-ping", "postgresql",
    "docker.io", "iptables", "busybox-static", "debian-archive-keyring",
)  # fmt: skip
# What a suite needs beside them: Debian 13 has Docker's command in a package of its own.
INSTALLED_IN = {"bookworm": (), "trixie": ("docker-cli",)}
# What the roles, and the tests of clocks, install; a base only keeps the downloaded packages.
DOWNLOADED = (
    "python3-requests", "python3-jinja2", "python3-yaml", "python3-jsonschema", "python3-psutil",
    "python3-psycopg2", "python3-xgboost", "faketime",
)  # fmt: skip
_SETUP = Path(__file__).resolve().parent / "customise.sh"
_FREE_BYTES_NEEDED = 3 * 1024**3

Progress = Callable[[str], None]


def key(suite: str) -> str:
    """The name of the base that today's recipe makes: the suite and a hash of all that goes into it."""
    parts = [suite, platform.machine(), *_installed(suite), "--", *DOWNLOADED]
    recipe = "\n".join(parts).encode()
    return f"{suite}-{hashlib.sha256(recipe + _SETUP.read_bytes()).hexdigest()[:12]}"


def _installed(suite: str) -> list[str]:
    return [*INSTALLED, *INSTALLED_IN[suite]]


def ensure(suite: str, progress: Progress) -> Path:
    """The tree of the base of `suite`, built if it is not there. Two callers at once: the second waits."""
    if suite not in SUITES:
        raise SandboxError(f"unknown suite {suite!r}: choose one of {', '.join(SUITES)}")
    bases = places.private_directory(places.cache()).joinpath("bases")
    finished = bases / key(suite)
    if finished.is_dir():
        return finished
    lock = bases / f".{suite}.lock"
    if places.is_held(lock):
        progress(f"Waiting for another process that builds the Debian {suite} base …")
    with places.locked(lock):
        if not finished.is_dir():
            _remove_partial_builds(bases, suite)
            _build(suite, finished, progress)
            _remove_outdated(bases, suite, finished)
    return finished


def _build(suite: str, finished: Path, progress: Progress) -> None:
    free = shutil.disk_usage(finished.parent).free
    if free < _FREE_BYTES_NEEDED:
        raise SandboxError(
            f"{finished.parent} has {free // 1024**2} MB free and a base needs "
            f"{_FREE_BYTES_NEEDED // 1024**2} MB: free some, or set QT_SANDBOX_CACHE to another disk"
        )
    progress(f"Building the Debian {suite} base (once on this machine, one to two minutes) …")
    partial = finished.parent / f".partial-{suite}-{os.getpid()}"
    log = finished.parent / f"{suite}.log"
    try:
        _mmdebstrap(suite, partial, log, progress)
        _write_apt_settings(partial)
        os.sync()
        # The rename is what makes it a base: an interrupted build never has this name.
        partial.rename(finished)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress(f"Debian {suite} base ready")


def _mmdebstrap(suite: str, target: Path, log: Path, progress: Progress) -> None:
    options = [f"--aptopt={line}" for line in apt_settings()]
    argv = [
        "mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(_installed(suite))}",
        # Lists and downloaded packages stay, and nothing of the build's own /dev is needed.
        "--skip=cleanup/apt,cleanup/tmp",
        f"--customize-hook='{_SETUP}' \"$1\"",
        *options, suite, str(target), *mirrors(suite),
    ]  # fmt: skip
    environment = {**os.environ, "DEPLOY_PACKAGES": " ".join(DOWNLOADED), "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("w") as sink:
        building = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", env=environment, cwd="/", start_new_session=True,
        )  # fmt: skip
        try:
            _report(building, sink.write, progress)
        finally:
            if building.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(building.pid, signal.SIGTERM)
                building.wait()
    if building.returncode != 0:
        raise SandboxError(
            f"mmdebstrap could not build the {suite} base: {_complaint(log)} (all of it: {log})"
        )


def _report(building: subprocess.Popen[str], keep: Callable[[str], object], progress: Progress) -> None:
    assert building.stdout is not None
    for line in building.stdout:
        keep(line)
        if line.startswith("I: ") and "done" not in line:
            progress("  " + line[3:].strip().removesuffix("..."))
    building.wait()


def _complaint(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if line.startswith(("E: ", "Err:"))]
    return (errors or lines or ["no output"])[0].strip()


def mirrors(suite: str) -> list[str]:
    """Source lines for `suite` from the mirrors this machine's own apt uses; none: mmdebstrap's default."""
    form = "$(REPO_URI)|$(ORIGIN)|$(LABEL)"
    try:
        listed = run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    except (SandboxError, FileNotFoundError):
        return []
    sites: dict[str, str] = {}
    for line in listed.splitlines():
        site, origin, label = [*line.split("|"), "", ""][:3]
        if origin == "Debian" and label in ("Debian", "Debian-Security"):
            sites.setdefault(label, site)
    if "Debian" not in sites:
        return []
    lines = [f"deb {sites['Debian']} {suite} main", f"deb {sites['Debian']} {suite}-updates main"]
    if "Debian-Security" in sites:
        lines.append(f"deb {sites['Debian-Security']} {suite}-security main")
    return lines


def apt_settings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """How this machine's apt reaches its mirrors (proxy, timeouts, date checks), as apt.conf lines."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Retries", "Acquire::Check-", "Acquire::ForceIPv4")
    try:
        dump = run(["apt-config", "dump", "Acquire"])
    except (SandboxError, FileNotFoundError):
        dump = ""
    lines = [line for line in dump.splitlines() if line.startswith(wanted) and not line.endswith(' "";')]
    for scheme in ("http", "https"):
        proxy = environment.get(f"{scheme}_proxy")
        if proxy and not any(line.startswith(f"Acquire::{scheme}::Proxy") for line in lines):
            lines.append(f'Acquire::{scheme}::Proxy "{proxy}";')
    return lines


def _write_apt_settings(root: Path) -> None:
    lines = [*apt_settings(), 'Acquire::Languages "none";']
    root.joinpath("etc/apt/apt.conf.d/90provider").write_text("\n".join(lines) + "\n")


def _remove_partial_builds(bases: Path, suite: str) -> None:
    for left in bases.glob(f".partial-{suite}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _remove_outdated(bases: Path, suite: str, current: Path) -> None:
    """Bases of an older recipe go, unless a machine or a snapshot still lies on one."""
    used = {path.read_text() for path in places.cache().glob("*/*/base")}
    for other in bases.glob(f"{suite}-*"):
        if other != current and str(other) not in used:
            shutil.rmtree(other, ignore_errors=True)


def say(line: str) -> None:
    """Progress for a person: on standard error, so that standard output stays an answer."""
    print(line, file=sys.stderr, flush=True)
