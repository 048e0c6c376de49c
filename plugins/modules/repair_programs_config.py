#!/usr/bin/python
"""Lays the repair programs' configuration down: all of it, checked together first, or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quantum_trader.audit.plugins.module_utils.audit_base_tree import (
    Owner,
    RefusedError,
    write_file,
)

DOCUMENTATION = r"""
module: repair_programs_config
short_description: Lay the repair programs' configuration down, checked together first
description:
  - Writes C(config/PROGRAM.yml) where there is none, and the drop-in C(config/PROGRAM.d/50-ansible.yml).
  - Before anything lands, every program's own C(check_config) sees the files that are there with
    the new ones among them. One that refuses them stops it all, and nothing is changed.
  - Works as the account that the files belong to.
options:
  home:
    description: The installation, QT_HOME.
    type: path
    required: true
  user:
    description: Whose it is.
    type: str
    required: true
  shipped:
    description: The text of each program's file, by program; written once, then the operator's.
    type: dict
    required: true
  patches:
    description: The text of each program's drop-in, by program, as JSON. May hold secrets.
    type: str
    required: true
  programs:
    description:
      - The programs that are there. C(same) check what is to land, if anything is; C(new) check what is there
        already, too; C(none) check nothing, for in a dry run they may not be there, or be old.
    type: str
    choices: [same, new, none]
    default: new
author: Quantum Trader (@quantum-trader)
"""

EXAMPLES = r"""
- name: Lay the configuration down
  quantum_trader.audit.repair_programs_config:
    home: /home/qt/quantum_trader
    user: qt
    shipped: {auto_repair_system: "repairs: {}\n"}
    patches: '{"auto_repair_system": "guard: {max_per_hour: 10}\n"}'
"""

RETURN = r"""
written:
  description: The programs of which a file was written, or would be.
  type: list
  returned: success
"""

DROP_IN = "50-ansible.yml"
PYTHON = "/usr/bin/python3"
_MODE = 0o640
_DIRECTORY_MODE = 0o750


@dataclass(frozen=True)
class File:
    """One that is to be there, below config/."""

    path: str
    text: str
    once: bool
    """Whether one that is there stays as it is."""

    @property
    def program(self) -> str:
        """Whose it is."""
        return self.path.partition(".")[0]

    def is_right(self, config: str) -> bool:
        """Whether it is there with its text and mode."""
        try:
            with open(os.path.join(config, self.path), encoding="utf-8") as file:
                kept = self.once or file.read() == self.text
                return kept and (self.once or os.fstat(file.fileno()).st_mode & 0o7777 == _MODE)
        except FileNotFoundError:
            return False
        except ValueError:
            return self.once

    def write(self, config: str, account: Owner) -> None:
        """Put it into its place in one step, durable."""
        directory, name = os.path.split(os.path.join(config, self.path))
        place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            write_file(name, place, self.text.encode(), _MODE, account)
            os.fsync(place)
        finally:
            os.close(place)


def files_of(shipped: Mapping[str, str], patches: Mapping[str, str]) -> list[File]:
    """Everything that is to be there."""
    return [
        *(File(f"{program}.yml", text, once=True) for program, text in shipped.items()),
        *(File(f"{program}.d/{DROP_IN}", text, once=False) for program, text in patches.items()),
    ]


@contextlib.contextmanager
def candidate(config: str, files: list[File], account: Owner) -> Iterator[str]:
    """A QT_HOME whose configuration is the one that would be: links to what stays, files for what comes."""
    with account.acting():
        home = tempfile.mkdtemp(prefix="quantum-trader-check-")
    try:
        with account.acting():
            _fill(home, config, files)
        yield home
    finally:
        with account.acting():
            shutil.rmtree(home)


def _fill(home: str, config: str, files: list[File]) -> None:
    coming = {file.path for file in files}
    for file in files:
        path = os.path.join(home, "config", file.path)
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8") as sink:
            sink.write(file.text)
        os.chmod(path, 0o600)
    for path in _present(config):
        if path not in coming:
            target = os.path.join(home, "config", path)
            os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
            os.symlink(os.path.join(config, path), target)


def _present(config: str) -> Iterator[str]:
    for name in sorted(os.listdir(config)):
        path = os.path.join(config, name)
        if os.path.isdir(path):
            yield from (f"{name}/{inner}" for inner in sorted(os.listdir(path)))
        else:
            yield name


def _of_child(account: Owner) -> dict[str, Any]:
    """For Popen: a child is this account wholly, and cannot become root again as `acting` does."""
    if os.geteuid() != 0:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": [account.gid]}


def refusals(home: str, trial: str, programs: list[str], account: Owner, python: str) -> list[str]:
    """What the programs have against the candidate, a line each; no value that may be secret."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": trial, "QT_HOME": trial}
    asked = {}
    for program in programs:
        place = "scripts" if os.path.exists(f"{home}/scripts/{program}.py") else "tools"
        command = [python, f"{home}/{place}/{program}.py", "check_config"]
        asked[program] = subprocess.Popen(
            command, env=environment, cwd="/", text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            **_of_child(account),
        )  # fmt: skip
    said: list[str] = []
    for program, asking in asked.items():
        output, _ = asking.communicate()
        if asking.returncode:
            said += output.replace(trial, home).strip().splitlines() or [
                f"{program}.py check_config ended with {asking.returncode}"
            ]
    return said


def lay_down(
    home: str, files: list[File], account: Owner, programs: str, dry: bool, python: str = PYTHON
) -> list[File]:
    """The files that were written, or would be. Raises RefusedError before anything is changed."""
    config = f"{home}/config"
    with account.acting():
        wanting = [file for file in files if not file.is_right(config)]
    if programs == "new" or (programs == "same" and wanting):
        with candidate(config, wanting, account) as trial:
            said = refusals(home, trial, sorted({file.program for file in files}), account, python)
        if said:
            raise RefusedError("\n".join(["nothing was changed, for this would not do:", *said]))
    if not dry:
        with account.acting():
            for file in files:
                directory = os.path.dirname(os.path.join(config, file.path))
                if not os.path.isdir(directory):
                    os.mkdir(directory, _DIRECTORY_MODE)
            for file in wanting:
                file.write(config, account)
    return wanting


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "home": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "shipped": {"type": "dict", "required": True},
            "patches": {"type": "str", "required": True, "no_log": True},
            "programs": {"type": "str", "choices": ["same", "new", "none"], "default": "new"},
        },
        supports_check_mode=True,
    )
    os.umask(0o027)
    given, dry = module.params, module.check_mode
    files = files_of(given["shipped"], json.loads(given["patches"]))
    try:
        account = Owner.named(given["user"])
        if not os.path.isdir(f"{given['home']}/config"):
            raise RefusedError(f"{given['home']} is no installation of {given['user']}: run audit_base first")
        wanting = lay_down(given["home"], files, account, given["programs"], dry)
    except (RefusedError, OSError) as error:
        if not dry or given["programs"] != "none":
            module.fail_json(msg=str(error))
        wanting = files  # a real run has made account and installation by now
    names = [file.path for file in wanting]
    prepared = "".join(f"config/{name}: {'would be ' if dry else ''}written\n" for name in names)
    written = sorted({file.program for file in wanting})
    module.exit_json(changed=bool(names), written=written, diff={"prepared": prepared})


if __name__ == "__main__":
    main()
