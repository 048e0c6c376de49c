"""Read the files of a configuration: check their owner and mode, and parse a safe subset of YAML."""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LARGEST = 1 << 20
_DROP_IN = ".yml"


class ConfigError(Exception):
    """A configuration cannot be used. `lines` name its faults, and quote no value."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def import_package(name: str) -> Any:
    """Import the module of a Debian package. Raises ConfigError, which names a package that is missing."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise ConfigError(f"python3-{name} is not installed: apt install python3-{name}") from None


@dataclass(frozen=True)
class Document:
    """The content of one file."""

    name: str
    """The file's name for people: `auto_repair_system.yml`, `auto_repair_system.d/50-ansible.yml`."""
    value: Mapping[str, Any]


def read_all(program: str, home: str, replace: Mapping[str, str]) -> list[Document]:
    """The shipped file, and the drop-ins in the order of their names; later ones win.

    `replace` maps the names of drop-ins (or of the shipped file) to paths that are read instead: so a new
    file can be checked before it is installed. Raises ConfigError.
    """
    base = f"{home}/config"
    shipped, directory = f"{program}.yml", f"{program}.d"
    try:
        drop_ins = {name for name in os.listdir(f"{base}/{directory}") if name.endswith(_DROP_IN)}
    except FileNotFoundError:
        drop_ins = set()
    except OSError as error:
        raise ConfigError(f"{base}/{directory}: cannot be read ({error.strerror})") from None
    drop_ins |= set(replace) - {shipped}
    documents = [_document(shipped, f"{base}/{shipped}", replace.get(shipped))]
    for name in sorted(name for name in drop_ins if not name.startswith(".")):
        documents.append(_document(f"{directory}/{name}", f"{base}/{directory}/{name}", replace.get(name)))
    return documents


def _document(name: str, path: str, candidate: str | None) -> Document:
    text = _read(candidate or path, trusted=candidate is not None)
    return Document(name, parse(text, name))


def _read(path: str, trusted: bool) -> str:
    """The file's text. A file that others may write to is refused: it decides what runs as root."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path}: is not a regular file")
            if not trusted and status.st_mode & 0o022:
                raise ConfigError(f"{path}: others may write to it; run: chmod go-w {path}")
            if not trusted and status.st_uid not in (0, os.geteuid()):
                raise ConfigError(f"{path}: belongs to neither you nor root; give it back with chown")
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: does not exist; deploy again, or write {{}} into it") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > _LARGEST:
        raise ConfigError(f"{path}: is larger than {_LARGEST >> 20} MB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from None


def parse(text: str, name: str) -> Mapping[str, Any]:
    """The mapping that a YAML text holds: no aliases, no dates, no key twice. Raises ConfigError. Pure."""
    yaml = import_package("yaml")
    from qt_repair.config.yaml_loader import Loader

    try:
        for event in yaml.parse(text):  # a few lines of aliases can expand to gigabytes
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else "?"
                raise ConfigError(f"{name}, line {line}: aliases (*name) are not allowed")
        value = Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        line = f", line {where.line + 1}" if where is not None else ""
        raise ConfigError(f"{name}{line}: {error.problem or 'is not YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError(f"{name}: is not YAML") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: must be a mapping of keys to values")
    return value
