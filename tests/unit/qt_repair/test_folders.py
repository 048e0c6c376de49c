"""A kind of repair, and a kind of threshold, is one folder: what is missing in one is named.

A new kind needs its folder and a test file; these tests say what is not there yet.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qt_repair import kinds
from qt_repair.monitor import watch
from tests.support.checkout import ROOT

KINDS = Path(kinds.__file__).parent
WATCH = Path(watch.__file__).parent
Piece = Callable[[Path], str | None]
"""What is missing in a folder, and what to add; None if nothing is."""


def folders(directory: Path) -> list[Path]:
    """Every folder, also one that lacks what the registry goes by."""
    return sorted(path for path in directory.iterdir() if path.is_dir() and path.name != "__pycache__")


def module(name: str, *attributes: str) -> Piece:
    def missing(folder: Path) -> str | None:
        if not (folder / f"{name}.py").is_file():
            return f"{name}.py is missing"
        package = f"qt_repair.{'.'.join(folder.relative_to(KINDS.parent).parts)}"
        loaded = importlib.import_module(package if name == "__init__" else f"{package}.{name}")
        if not inspect.getdoc(loaded):
            return f"{name}.py has no docstring"
        lacking = [attribute for attribute in attributes if not hasattr(loaded, attribute)]
        return f"{name}.py does not define {', '.join(lacking)}" if lacking else None

    return missing


def schema(*keys: str) -> Piece:
    def missing(folder: Path) -> str | None:
        try:
            found = json.loads((folder / "schema.json").read_text())
        except FileNotFoundError:
            return "schema.json is missing"
        lacking = [key for key in keys if not found.get(key)]
        return f"schema.json has no {', '.join(lacking)}" if lacking else None

    return missing


def reference(folder: Path) -> str | None:
    try:
        text = (folder / "reference.md").read_text()
    except FileNotFoundError:
        return "reference.md is missing: a few lines of Markdown, and an example"
    return None if "```yaml" in text else "reference.md has no example (a block of ```yaml)"


def name_of_a_threshold(folder: Path) -> str | None:
    package = importlib.import_module(f"qt_repair.monitor.watch.{folder.name}")
    if hasattr(package, "OBJECT") or hasattr(package, "default_name"):
        return None
    return "__init__.py defines neither OBJECT (the settings that make the name) nor default_name(settings)"


def named_test(wing: str) -> Piece:
    def missing(folder: Path) -> str | None:
        for tests in ("unit", "integration"):
            directory = ROOT / "tests" / tests / "qt_repair" / wing
            names = (f"test_{folder.name}.py", f"test_{folder.name}_*.py")
            if any(path for name in names for path in directory.glob(name)):
                return None
        return f"no test file tests/unit/qt_repair/{wing}/test_{folder.name}.py, nor below tests/integration"

    return missing


KIND_PIECES: dict[str, Piece] = {
    "package": module("__init__"),
    "probe": module("probe", "PROBE"),
    "repair": module("repair", "REPAIR", "privileges"),
    "schema": schema("properties", "x-looks-at", "x-repairs-by"),
    "reference": reference,
    "tests": named_test("kinds"),
}
WATCH_PIECES: dict[str, Piece] = {
    "package": module("__init__"),
    "watcher": module("watcher", "WATCHER"),
    "schema": schema("properties", "description"),
    "name": name_of_a_threshold,
    "reference": reference,
    "tests": named_test("monitor/watch"),
}


@pytest.mark.parametrize("piece", KIND_PIECES)
@pytest.mark.parametrize("folder", folders(KINDS), ids=lambda folder: folder.name)
def test_a_kind_of_repair_is_complete(folder: Path, piece: str) -> None:
    missing = KIND_PIECES[piece](folder)
    assert missing is None, f"qt_repair/kinds/{folder.name}: {missing}"


@pytest.mark.parametrize("piece", WATCH_PIECES)
@pytest.mark.parametrize("folder", folders(WATCH), ids=lambda folder: folder.name)
def test_a_kind_of_threshold_is_complete(folder: Path, piece: str) -> None:
    missing = WATCH_PIECES[piece](folder)
    assert missing is None, f"qt_repair/monitor/watch/{folder.name}: {missing}"


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        ("package", "__init__.py is missing"),
        ("probe", "probe.py is missing"),
        ("repair", "repair.py is missing"),
        ("schema", "schema.json is missing"),
        ("reference", "reference.md is missing: a few lines of Markdown, and an example"),
        ("tests", "no test file tests/unit/qt_repair/kinds/test_new_kind.py, nor below tests/integration"),
    ],
)
def test_what_a_new_kind_lacks_is_named(tmp_path: Path, piece: str, says: str) -> None:
    folder = tmp_path / "new_kind"
    folder.mkdir()
    assert KIND_PIECES[piece](folder) == says
