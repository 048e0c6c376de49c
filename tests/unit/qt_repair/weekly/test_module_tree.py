"""The state of a watched tree, and how it differs from the accepted one."""

from __future__ import annotations

import os
import py_compile
from pathlib import Path

import pytest

from qt_repair.weekly.module_tree import bytecode
from qt_repair.weekly.module_tree.imports import modules, package_of
from qt_repair.weekly.module_tree.tree import compare, digests, matches
from qt_repair.weekly.observation import count_text, limited_list
from tests.support.weekly import tree


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("data/prices.csv", "data/*", True),
        ("data/old/prices.csv", "data/*", True),
        ("broker/live.py", "broker", True),
        ("a/broker/live.py", "broker", True),
        ("a/broker/live.py", "broker/*", False),
        ("a/b.log", "*.log", True),
        ("a/b.log", "a/*.log", True),
        ("a/b.py", "*.log", False),
        ("a/b.py", "a/", True),
        ("A/b.py", "a/*", False),
    ],
)
def test_a_pattern_fits_names_anywhere_or_a_path_from_the_top(path: str, pattern: str, fits: bool) -> None:
    assert matches(path, [pattern]) is fits


def test_altered_missing_and_new_files_are_distinguished() -> None:
    before = {"a.py": "1", "b.py": "2", "c.py": "3", "x/log": "4"}
    present = {"a.py": "1", "b.py": "9", "d.py": "5"}
    assert compare(before, present, ["x/*"]).lines("src") == [
        "altered: src/b.py",
        "missing: src/c.py",
        "new: src/d.py",
    ]


def test_every_file_counts_except_caches_and_excluded_ones(tmp_path: Path) -> None:
    tree(tmp_path, {"a.py": "1", "pkg/b.py": "2", "data/c.py": "3"})
    py_compile.compile(str(tmp_path / "a.py"))
    (tmp_path / "settings.json").write_text("{}")
    assert sorted(digests(str(tmp_path), ["data/*"])) == ["a.py", "pkg/b.py", "settings.json"]


def test_links_are_not_followed_out_of_the_tree_but_their_targets_count(tmp_path: Path) -> None:
    root, outside = tree(tmp_path / "tree", {"a.py": "1"}), tree(tmp_path / "outside", {"b.py": "2"})
    (root / "file.py").symlink_to(outside / "b.py")
    (root / "directory").symlink_to(outside)
    (root / "nowhere").symlink_to("gone")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe")
    before = digests(str(root), [])
    assert before["directory"] == f"link to {outside}"
    assert before["nowhere"] == "link to gone"
    assert before["pipe"] == "no regular file"
    tree(outside, {"b.py": "3"})
    assert compare(before, digests(str(root), []), []).lines("t") == ["altered: t/file.py"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f(:\n", "does not compile: t/a.py, line 1: "),
        ("x = '\udcff'", "does not compile: t/a.py"),
        ("x = 1\0", "does not compile: t/a.py"),
        ("(" * 300 + ")" * 300, "does not compile: t/a.py"),
    ],
)
def test_a_module_that_does_not_compile_is_named(tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "a.py").write_bytes(source.encode("utf-8", "surrogateescape"))
    (found,) = bytecode.problems(str(tmp_path), ["a.py"], "t")
    assert found.startswith(says)


def test_a_module_that_only_warns_compiles(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    tree(tmp_path, {"a.py": "x = '\\d'\n"})
    assert list(bytecode.problems(str(tmp_path), ["a.py"], "t")) == []
    assert not recwarn.list


def cached(path: Path, source: str, mode: py_compile.PycInvalidationMode) -> Path:
    """The cache of a module, made from another source than the module has: same size, same time."""
    honest = path.read_text()
    assert len(source) == len(honest)
    status = path.stat()
    path.write_text(source)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    cache = py_compile.compile(str(path), invalidation_mode=mode)
    path.write_text(honest)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache is not None
    return Path(cache)


@pytest.mark.parametrize(
    "mode", [py_compile.PycInvalidationMode.TIMESTAMP, py_compile.PycInvalidationMode.UNCHECKED_HASH]
)
def test_a_cache_that_differs_from_its_source_is_found(
    tmp_path: Path, mode: py_compile.PycInvalidationMode
) -> None:
    cached(tree(tmp_path, {"a.py": "limit = 100\n"}) / "a.py", "limit = 999\n", mode)
    (found,) = bytecode.problems(str(tmp_path), ["a.py"], "t")
    assert found.startswith("altered cache: t/__pycache__/a.")


def test_a_cache_that_python_would_not_use_does_not_count(tmp_path: Path) -> None:
    path = tree(tmp_path, {"a.py": "limit = 100\n"}) / "a.py"
    cached(path, "limit = 999\n", py_compile.PycInvalidationMode.CHECKED_HASH)
    assert list(bytecode.problems(str(tmp_path), ["a.py"], "t")) == []


@pytest.mark.parametrize("end", [b"", b"no code at all", b"\xe9\x00\x00\x00\x00"])
def test_a_damaged_cache_is_found(tmp_path: Path, end: bytes) -> None:
    path = tree(tmp_path, {"a.py": "limit = 100\n"}) / "a.py"
    cache = Path(py_compile.compile(str(path)) or "")
    cache.write_bytes(cache.read_bytes()[:16] + end)
    (found,) = bytecode.problems(str(tmp_path), ["a.py"], "t")
    assert found.startswith("altered cache: ")


def test_every_real_cache_of_a_real_package_agrees_with_its_source(tmp_path: Path) -> None:
    source = Path(bytecode.__file__).parent
    for path in source.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
        py_compile.compile(str(tmp_path / path.name))
    names = [path.name for path in tmp_path.glob("*.py")]
    assert names
    assert list(bytecode.problems(str(tmp_path), names, "t")) == []


def test_modules_are_named_as_they_are_imported() -> None:
    paths = [
        "a.py",
        "pkg/__init__.py",
        "pkg/b.py",
        "pkg/__main__.py",
        "bin/my-script.py",
        "broker/live.py",
        "notes.txt",
    ]
    assert modules(paths, ["broker/*"]) == ["a", "pkg", "pkg.b"]


def test_a_tree_that_is_a_package_is_imported_from_above_it(tmp_path: Path) -> None:
    tree(tmp_path, {"outer/__init__.py": "", "outer/inner/__init__.py": ""})
    assert package_of(str(tmp_path / "outer/inner")) == (str(tmp_path), ["outer", "inner"])
    assert package_of(str(tmp_path)) == (str(tmp_path), [])


def test_long_lists_say_how_many_are_left_out() -> None:
    assert limited_list(["a", "b", "c"], 2) == ["a", "b", "and 1 more"]
    assert limited_list(["a", "b"], 2) == ["a", "b"]
    assert [count_text(1, "file"), count_text(2, "file"), count_text(0, "entry", "entries")] == [
        "1 file",
        "2 files",
        "0 entries",
    ]
