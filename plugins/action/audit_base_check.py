"""Checks the collection and the variables of its roles on the controller, before anything is changed."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.collection_loader import AnsibleCollectionConfig

ROLES = ("audit_base", "audit_log", "repair_programs")
NAME = "quantum_trader.audit"
# The last is how the prefix is misspelt most easily.
_PREFIXES = (*(f"{role}_" for role in ROLES), "repair_program_")
_WHOLE = (
    *(f"roles/{role}/{part}/main.yml" for role in ROLES for part in ("defaults", "tasks", "vars")),
    *(f"roles/{role}/meta/argument_specs.yml" for role in ROLES),
    "files/quantum_trader/tools/audit_logger.py",
    "files/quantum_trader/tools/qt_audit",
    "files/quantum_trader/tools/qt_repair",
    "files/quantum_trader/config",
)
_UNDEFINED = re.compile(r"'([A-Za-z_]\w*)' is undefined")
_VAULT = re.compile(r"(?i)decrypt|vault")


def what_is_missing(collection: Path) -> Iterator[str]:
    """A sentence if the collection is not whole."""
    missing = {_largest(collection, part) for part in _WHOLE if not (collection / part).exists()}
    if missing:
        yield (
            f"the collection {NAME} in {collection} is not whole, it lacks {', '.join(sorted(missing))}:"
            " install it again (ansible-galaxy collection install --force), or check the repository out anew"
        )


def _largest(collection: Path, part: str) -> str:
    """The part, or the whole role that it is of where all of that is gone."""
    role = "/".join(part.split("/")[:2])
    return part if (collection / role).exists() else role


def version(collection: Path) -> str | None:
    """The version that is installed there; None for a checkout, and where nothing is."""
    try:
        manifest = json.loads((collection / "MANIFEST.json").read_text(encoding="utf-8"))
        return str(manifest["collection_info"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def other_versions(collection: Path, paths: Iterable[str]) -> Iterator[str]:
    """A sentence for each other version that Ansible could find. A checkout always uses itself."""
    used = version(collection)
    if used is None:
        return
    found = {collection.resolve()}
    for path in paths:
        place = Path(path)
        place = place if place.name == "ansible_collections" else place / "ansible_collections"
        other = place.joinpath(*NAME.split("."))
        there = version(other)
        if there not in (None, used) and other.resolve() not in found:
            found.add(other.resolve())
            yield (
                f"{NAME} {used} in {collection} is used, and {there} is in {other}: remove the one"
                " that is not meant, or name its path alone in ANSIBLE_COLLECTIONS_PATH"
            )


def known_variables(collection: Path) -> list[str]:
    """Every variable that a role documents."""
    names: list[str] = []
    for role in ROLES:
        text = (collection / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
        names += yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return names


def unknown_variables(names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """A sentence for each name with the prefix of a role that no role knows."""
    known = list(known)
    for name in sorted(names):
        if name.startswith(_PREFIXES) and name not in known:
            meant = closest(name, known)
            advice = (
                f"did you mean {meant}?"
                if meant
                else "the roles' READMEs have a table of those that there are"
            )
            yield f"no role knows the variable {name}: {advice}"


def closest(name: str, known: list[str]) -> str:
    """The name that was probably meant; empty where none is near."""
    # What all names of a role begin with says nothing: the rest is compared.
    rest = {variable: _rest(variable) for variable in known}
    near = difflib.get_close_matches(_rest(name), rest.values(), n=1, cutoff=0.6)
    role = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
    fitting = sorted(
        (variable for variable, own in rest.items() if own in near),
        key=lambda variable: not variable.startswith(role.rstrip("s_")),
    )
    return fitting[0] if fitting else ""


def _rest(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def unresolved(values: Mapping[str, Any], resolve: Callable[[Any], Any]) -> Iterator[str]:
    """A sentence for each variable whose value cannot be worked out. `resolve` raises AnsibleError then."""
    for name, value in values.items():
        try:
            resolve(value)
        except AnsibleError as error:
            yield reason(name, " ".join(_messages(error)))


def _messages(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__


def reason(name: str, said: str) -> str:
    """Why a variable has no value, and what to do; of what Ansible said nothing that could be a value."""
    undefined = _UNDEFINED.search(said)
    if undefined and undefined[1].startswith("vault_"):
        return (
            f"{name} needs {undefined[1]}, which is not defined: put it into the vault of this host's"
            " variables (ansible-vault edit), as in inventory/example/group_vars/all/vault.yml.example"
        )
    if undefined:
        return f"{name} needs {undefined[1]}, which is not defined"
    if _VAULT.search(said):
        return (
            f"{name} is in a vault that cannot be opened: give its password with --ask-vault-pass or"
            " --vault-password-file (for make: in ARGS)"
        )
    return f"{name} cannot be worked out: it is a template with a mistake in it"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Everything that is wrong, a line each."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Failed with what is wrong, or nothing."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = task_vars or {}
        # Not resolved: the path by which Ansible has found it.
        collection = Path(os.path.abspath(__file__)).parents[2]
        problems = [
            *what_is_missing(collection),
            *other_versions(collection, AnsibleCollectionConfig.collection_paths),
        ]
        if not problems:
            known = known_variables(collection)
            problems += unknown_variables(given, known)
            problems += unresolved({name: given[name] for name in known if name in given}, self._resolve)
        if problems:
            return {**result, "failed": True, "msg": "\n".join(problems)}
        return result

    def _resolve(self, value: Any) -> Any:
        return self._templar.template(value)
