"""What a deploy costs beside `ansible -m ping`, under mitogen, and on ten hosts. Needs the sandbox."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from sandbox.places import REPOSITORY
from sandbox.target import Target
from tests.bench.table import Row, median, milliseconds, paired_ratio, progress

HOSTS = [f"vps-{number:02}" for number in range(1, 11)]
ONE = HOSTS[0]
PLAY = ["ansible-playbook", "playbooks/deploy.yml"]


def measure(directory: Path, quick: bool) -> list[Row]:
    """Deploys that change nothing, in turn with what they are compared with; first deploys beside both."""
    rounds, firsts = (2, 1) if quick else (5, 3)
    progress(f"deploy: booting {len(HOSTS)} VPSs")
    with Target.boot_all(directory, HOSTS) as fleet:
        _have_packages(fleet)
        progress(f"deploy: the first one, of {firsts} hosts, each beside one that changes nothing")
        first, again = _first_deploys(fleet, HOSTS[:firsts])
        _seconds(fleet, PLAY)
        progress(f"deploy: beside a ping, under mitogen and of {len(HOSTS)} hosts, {rounds} times in turn")
        ping, ours, theirs, all_ours = _in_turn(fleet, rounds)
    return [
        _row("deploy that changes nothing; ansible -m ping", ours, ping, "<= 10, aim 6"),
        _row("the same deploy; under mitogen", ours, theirs, ""),
        _row(f"{len(HOSTS)} hosts at once; one host", all_ours, ours, "<= 6"),
        _row("first deploy, packages there; that changes nothing", first, again, "<= 2"),
    ]


def _row(what: str, ours: list[float], peer: list[float], goal: str) -> Row:
    return Row(what, milliseconds(median(ours)), milliseconds(median(peer)), paired_ratio(ours, peer), goal)


def _in_turn(fleet: Target, rounds: int) -> tuple[list[float], ...]:
    """Seconds of a ping, a deploy, one under mitogen, and one of all hosts; after a warm-up of each."""
    one = ["--limit", ONE]
    commands: list[tuple[list[str], Mapping[str, str]]] = [
        (["ansible", "all", "-m", "ping", *one], {}),
        ([*PLAY, *one], {}),
        ([*PLAY, *one], mitogen()),
        (PLAY, {}),
    ]
    times: tuple[list[float], ...] = tuple([] for _ in commands)
    for number in range(rounds + 1):
        for (command, environment), spent in zip(commands, times, strict=True):
            taken = _seconds(fleet, command, environment)
            if number:
                spent.append(taken)
    return times


def _first_deploys(fleet: Target, names: list[str]) -> tuple[list[float], list[float]]:
    """Seconds of each host's first deploy, and of one more after it."""
    first, again = [], []
    for name in names:
        _seconds(fleet, ["ansible", "all", "-m", "ping", "--limit", name])
        first.append(_seconds(fleet, [*PLAY, "--limit", name]))
        again.append(_seconds(fleet, [*PLAY, "--limit", name]))
    return first, again


def _have_packages(fleet: Target) -> None:
    defaults = yaml.safe_load((REPOSITORY / "roles/audit_base/defaults/main.yml").read_text())
    wanted = " ".join(["python3-apt", *defaults["audit_base_packages"]])
    install = f"apt-get -qq update && apt-get -qq install -y --no-install-recommends {wanted}"
    _seconds(fleet, ["ansible", "all", "--become", "-m", "ansible.builtin.shell", "-a", install])


def mitogen() -> dict[str, str]:
    """The environment that has Ansible run modules by mitogen."""
    found = importlib.util.find_spec("ansible_mitogen")
    if found is None or found.origin is None:
        raise SystemExit("mitogen is missing: `make bench` installs it")
    plugins = Path(found.origin).parent / "plugins" / "strategy"
    return {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(plugins)}


def _seconds(fleet: Target, command: list[str], environment: Mapping[str, str] | None = None) -> float:
    """Wall time of one run from the repository. Raises SystemExit with what it said if it fails."""
    program, *rest = command
    argv = [str(REPOSITORY / ".venv" / "bin" / program), "-i", str(fleet.inventory), *rest]
    begin = time.perf_counter()
    done = subprocess.run(
        argv, cwd=REPOSITORY, env={**os.environ, **(environment or {})}, check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    taken = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")
    return taken
