"""The configuration of a program: its file and drop-ins, merged, checked and completed by defaults.

Mappings are merged recursively; lists and values are replaced; later files win. `load` reads the files of
this host. `resolve` is pure: the controller calls it to find out which commands sudoers must allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qt_repair import kinds
from qt_repair.config.files import ConfigError as ConfigError  # what load and resolve raise
from qt_repair.config.files import Document, read_all
from qt_repair.config.program import Program
from qt_repair.config.schema import (
    Fault,
    auto_repair_schema,
    kind_schema,
    repair_sections,
    violations,
    with_defaults,
)

AUTO_REPAIR_NAME = "auto_repair_system"
AUTO_REPAIR = Program(AUTO_REPAIR_NAME, auto_repair_schema, sections=repair_sections)
"""The program whose configuration defines the repairs; the other programs name them."""
DEFAULT = "default"

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Config:
    """The checked settings of one program. Every key that has a default is present."""

    program: str
    home: str
    value: Mapping[str, Any]
    origins: Mapping[Path, str] = field(default_factory=dict, repr=False)
    """The file of each value that is not a default."""

    @property
    def repairs(self) -> dict[str, Mapping[str, Any]]:
        """The enabled repairs by name, in the order in which they run."""
        found = self.value.get("repairs", {})
        return {name: repair for name, repair in found.items() if repair["enabled"]}

    def explained(self) -> Iterator[tuple[str, Any, str]]:
        """Each value with its path and the file that it comes from, or `default`."""
        for path, value in _leaves(self.value, ()):
            yield path_text(path), value, self.origins.get(path, DEFAULT)


def load(program: Program, home: str, replace: Mapping[str, str] | None = None) -> Config:
    """The configuration of this host. `replace` is that of files.read_all. Raises ConfigError."""
    names: Sequence[str] | None = None
    if program.name != AUTO_REPAIR_NAME:
        names = list(load(AUTO_REPAIR, home).value["repairs"])
    return resolve(program, home, read_all(program.name, home, replace or {}), names)


def resolve(
    program: Program, home: str, documents: Sequence[Document], repair_names: Sequence[str] | None = None
) -> Config:
    """Merge, check and complete the documents. `repair_names` are the repairs that may be named. Pure.

    Raises ConfigError with a line for each fault, such as
    `At 'thresholds.disk[0].clear' (50-ansible.yml): must be below trigger (90)`.
    """
    merged: dict[str, Any] = {}
    origins: dict[Path, str] = {}
    for document in documents:
        merge(merged, document.value, document.name, origins, ())
    schema = program.schema()
    faults = list(violations(merged, schema))
    if not faults:
        merged = with_defaults(merged, schema)
        if program.name == AUTO_REPAIR_NAME:
            merged["repairs"], faults = _repairs(merged["repairs"])
        else:
            found = program.problems(merged, repair_names or ())
            faults = [((path,), text) for path, text in found]
    if faults:
        raise ConfigError(*[_fault_text(fault, origins) for fault in faults])
    return Config(program.name, home, merged, origins)


def merge(
    into: dict[str, Any], value: Mapping[str, Any], name: str, origins: dict[Path, str], above: Path
) -> None:
    """Merge one document into the value, and note in `origins` which file each value comes from."""
    for key, item in value.items():
        path = (*above, key)
        if isinstance(item, Mapping) and isinstance(into.get(key), dict):
            merge(into[key], item, name, origins, path)
        elif isinstance(item, Mapping):
            into[key] = {}
            origins[path] = name
            merge(into[key], item, name, origins, path)
        else:
            into[key] = item
            origins[path] = name


def _repairs(repairs: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The repairs, completed by the defaults of their kinds, and the faults in them."""
    complete, faults = {}, []
    for name, repair in repairs.items():
        schema = kind_schema(repair["kind"])
        found = list(violations(repair, schema))
        if not found:
            complete[name] = with_defaults(repair, schema)
            found = [((path,), text) for path, text in kinds.problems(complete[name])]
        faults += [(("repairs", name, *path), text) for path, text in found]
    return complete, faults


def path_text(path: Path) -> str:
    """A path as people write it: `thresholds.disk[0].clear`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _fault_text(fault: Fault, origins: Mapping[Path, str]) -> str:
    path, text = fault
    origin = _origin(path, origins)
    where = f" ({origin})" if origin != DEFAULT else ""
    return f"At '{path_text(path)}'{where}: {text}" if path else f"At the top{where}: {text}"


def _origin(path: Path, origins: Mapping[Path, str]) -> str:
    """The file that sets a value, or the nearest mapping or list above it."""
    known = {path_text(place): name for place, name in origins.items()}
    text = path_text(path)
    while text:
        if text in known:
            return known[text]
        text = text[: max(text.rfind("."), text.rfind("["), 0)]
    return DEFAULT


def _leaves(value: Any, above: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*above, key))
    else:
        yield above, value
