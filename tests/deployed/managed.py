"""What tests that share a VPS must leave as they found it: files, crontabs, units, databases, containers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from sandbox.target import Target

# Runs there. The record and the outbox grow by themselves (cron, the monitor), so `status` is left out.
_SURVEY = r"""
import hashlib, json, os, stat, subprocess

ROOTS = "/etc /home /root /opt /srv /usr/local /var/spool/cron"
PASSED_OVER = {"status", "__pycache__", ".ansible", ".cache", ".local", "scratch"}
COMMANDS = {
    "packages": "dpkg-query -W",
    "units": "systemctl list-unit-files --state=enabled --no-legend --plain --type=service,path,timer,socket"
    " | while read -r unit rest; do echo $unit $(systemctl is-active $unit); done",
    "databases": "cd /; runuser -u postgres -- psql -XAtc 'SELECT datname FROM pg_database'",
    "database roles": "cd /; runuser -u postgres -- psql -XAtc 'SELECT rolname FROM pg_roles'",
    "containers": "docker ps -a --format '{{.Names}} {{.Image}} {{.State}}'",
    "images": "docker images --format '{{.Repository}}:{{.Tag}}'",
    "mounts": "findmnt -rno TARGET | grep -v -e ^/run -e ^/var/lib/docker -e ^/proc",
}
def what(path):
    found = os.lstat(path)
    said = f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid}"
    if stat.S_ISLNK(found.st_mode):
        return f"{said} -> {os.readlink(path)}"
    if stat.S_ISREG(found.st_mode):
        with open(path, "rb") as file:
            return f"{said} sha256 {hashlib.sha256(file.read()).hexdigest()[:16]}"
    return said

seen = {}
for root in ROOTS.split():
    for directory, directories, files in os.walk(root):
        directories[:] = [name for name in directories if name not in PASSED_OVER]
        for name in [*directories, *files]:
            path = os.path.join(directory, name)
            seen[path] = what(path)
for name, command in COMMANDS.items():
    said = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in said.stdout.splitlines():
        seen[f"{name}: {line}"] = "there"
print(json.dumps(seen))
"""


def survey(vps: Target) -> dict[str, str]:
    """Everything that counts, by what it is: a path, a unit that runs, a package."""
    said = vps.machine.run(["sudo", "python3", "-"], stdin=_SURVEY).stdout
    return {str(name): str(what) for name, what in json.loads(said).items()}


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """A line for each thing that came, went or changed."""
    gone = "not there"
    return [
        f"{name}: was {before.get(name, gone)}, is {after.get(name, gone)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


@contextmanager
def left_as_it_was(vps: Target, advice: str) -> Iterator[None]:
    """Fail, and name each difference, if the VPS is another afterwards."""
    before = survey(vps)
    yield
    changed = differences(before, survey(vps))
    if changed:
        lines = "\n".join(f"  {line}" for line in changed)
        pytest.fail(f"tests changed the VPS that they share: {advice}\n{lines}", pytrace=False)
