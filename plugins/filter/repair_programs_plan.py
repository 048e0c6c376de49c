"""What the variables ask for: checked, and turned into patches, packages and rights, on the controller.

The account on a host owns its configuration and its release. Were its rights computed there, it
could write its own: so they follow from the shipped files and the inventory alone, here.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

REPAIRS, MONITOR, WEEKLY = "auto_repair_system", "realtime_monitor", "weekly_self_heal"
PREFIX = "repair_programs_"
_HEADER = "# Managed by Ansible (role repair_programs): a change made here is undone by the next deploy.\n"
# What sudo gives a command beyond the time that the program itself gives it.
_MARGIN_S = 5
# For what only looks. The stream of Docker's events lasts as long as the monitor.
_LOOK_S = 30
_XGBOOST, _PSYCOPG2 = "python3-xgboost", "python3-psycopg2"


@dataclass(frozen=True)
class Right:
    """A command that may be run as root. `timeout_s` 0: for as long as it likes."""

    argv: tuple[str, ...]
    timeout_s: int
    purpose: str


@dataclass(frozen=True)
class Wanted:
    """The three configurations as shipped and patched, checked and complete."""

    repairs: Mapping[str, Mapping[str, Any]]
    monitor: Mapping[str, Any]
    weekly: Mapping[str, Any]


def plain(value: Any) -> Any:
    """The value without what Ansible attaches to it, every part a copy of its own: YAML then has no alias."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


def patch(value: Any) -> str:
    """A drop-in file that says this."""
    return _HEADER + yaml.safe_dump(plain(value), sort_keys=False, allow_unicode=True, width=100)


def checked(variables: Mapping[str, Any], source: str) -> tuple[Wanted | None, list[str]]:
    """The configurations that the variables make of the shipped files, or what is wrong in them."""
    sys.path.insert(0, str(Path(source, "tools")))
    try:
        from qt_repair.config import files as config_file
        from qt_repair.config import loading as config
        from qt_repair.programs import PROGRAMS

        found: dict[str, config.Config] = {}
        problems: list[str] = []
        for described in PROGRAMS:
            program = described.name
            name = f"{PREFIX}{program}"
            if not isinstance(variables[program], Mapping):
                problems.append(f"{name} must be a mapping, as in config/{program}.yml")
                continue
            shipped = Path(source, "config", f"{program}.yml")
            documents = [
                config_file.Document(shipped.name, config_file.parse(shipped.read_text(), shipped.name)),
                config_file.Document(name, plain(variables[program])),
            ]
            known = list(found[REPAIRS].value["repairs"]) if REPAIRS in found else None
            try:
                found[program] = config.resolve(described, source, documents, known)
            except config.ConfigError as error:
                problems += [f"{name}: {line}" for line in error.lines]
            if REPAIRS not in found:
                break  # the others name its repairs
        if problems:
            return None, problems
        return Wanted(found[REPAIRS].repairs, found[MONITOR].value, found[WEEKLY].value), []
    finally:
        sys.path.pop(0)


def rights(wanted: Wanted) -> Iterator[Right]:
    """Every command that the programs run by sudo, each once."""
    merged: dict[tuple[str, ...], Right] = {}
    for right in _asked_for(wanted):
        before = merged.get(right.argv)
        if before is not None:
            limits = (before.timeout_s, right.timeout_s)
            purpose = (
                before.purpose
                if right.purpose in before.purpose.split(", ")
                else (f"{before.purpose}, {right.purpose}")
            )
            right = Right(right.argv, 0 if 0 in limits else max(limits), purpose)
        merged[right.argv] = right
    yield from merged.values()


def _asked_for(wanted: Wanted) -> Iterator[Right]:
    from qt_repair import kinds
    from qt_repair.host import docker
    from qt_repair.weekly import configuration as weekly_check

    for name, repair in wanted.repairs.items():
        limit = _limit(max(repair["timeout"], repair["probe_timeout"]))
        for argv in kinds.privileges(repair):
            yield Right(tuple(argv), limit, f"repair {name}")
    containers = wanted.monitor["thresholds"]["container"]
    for argv in docker.events_privileges() if containers else []:
        yield Right(tuple(argv), 0, "monitor")
    for threshold in containers:
        yield Right(tuple(docker.inspect_argv(threshold["container"])), _LOOK_S, "monitor")
    for argv in weekly_check.privileges(wanted.weekly):
        yield Right(tuple(argv), _LOOK_S, "week's validation")


def _limit(seconds: float) -> int:
    return math.ceil(seconds) + _MARGIN_S


def packages(wanted: Wanted, has_rights: bool) -> list[str]:
    """The distribution's packages beyond those of audit_base."""
    needed = set()
    for repair in wanted.repairs.values():
        if repair["kind"] == "postgres_database" or "postgres" in repair.get("data", {}):
            needed.add(_PSYCOPG2)
        # The operator's own trainer brings what it needs.
        if repair["kind"] == "xgboost_model" and "trainer" not in repair:
            needed.add(_XGBOOST)
    agent = wanted.weekly["phases"]["ai_agent"]
    if agent["enabled"] and "model" in agent:
        needed.add(_XGBOOST)
    if has_rights:
        needed.add("sudo")
    return sorted(needed)


def database_role(wanted: Wanted, account: str) -> dict[str, Any] | None:
    """What the account's role of the host's own server must be able to do; None where nothing is made there.

    `owners` are the roles that the databases are to belong to, `inherits` is whether their rights are
    needed at once: a database with a schema is built under another name, and renaming is the owner's right.
    """
    local = [
        repair
        for repair in wanted.repairs.values()
        if repair["kind"] == "postgres_database" and is_local(repair["dsn"], account)
    ]
    if not local:
        return None
    owned = [repair for repair in local if repair.get("owner", account) != account]
    return {
        "owners": sorted({repair["owner"] for repair in owned}),
        "inherits": any("schema_file" in repair for repair in owned),
    }


def is_local(dsn: str, account: str) -> bool:
    """Whether it is the server on the default socket, as the account itself, by peer authentication."""
    if "://" in dsn:
        return False
    words = dict(word.split("=", 1) for word in dsn.split() if "=" in word)
    return words.get("user", account) == account and not words.keys() & {
        "host",
        "hostaddr",
        "port",
        "service",
    }


def plan(variables: Mapping[str, Any], source: str, account: str) -> dict[str, Any]:
    """All that the role does, from its three mappings; `problems` alone where they are wrong.

    Raises AnsibleFilterError where the checkout is not whole.
    """
    try:
        wanted, problems = checked(variables, source)
    except OSError as error:
        raise AnsibleFilterError(
            f"{error.filename}: {error.strerror}: check out the whole repository"
        ) from error
    if wanted is None:
        return {"problems": problems}
    allowed = list(rights(wanted))
    return {
        "problems": [],
        "shipped": {
            program: Path(source, "config", f"{program}.yml").read_text()
            for program in (REPAIRS, MONITOR, WEEKLY)
        },
        "patches": {program: patch(variables[program]) for program in (REPAIRS, MONITOR, WEEKLY)},
        "packages": packages(wanted, bool(allowed)),
        "rights": [vars(right) for right in allowed],
        "database_role": database_role(wanted, account),
    }


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """By name."""
        return {"repair_programs_plan": plan}
