"""CONTRIBUTING's steps are true: a copy of the checkout that follows them has a new part of each kind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

BOUND = 300
"""Seconds after which a check of the copy is taken for hung."""
_COPIED = ("files", "plugins", "roles", "sandbox", "tests", "README.md", "CONTRIBUTING.md", "pyproject.toml")
_CHECKS = (
    "tests/unit/qt_repair/test_folders.py",
    "tests/unit/qt_audit/commands/test_modules.py",
    "tests/unit/qt_audit/delivery/channels/test_modules.py",
)


def files_to_write(text: str) -> Iterator[tuple[str, str]]:
    """Path and text of each file to write: a paragraph that begins with its path, then a block."""
    for match in re.finditer(
        r"^(?:Its test, )?`([\w./]+/[\w./]+)`(?:[^\n]+\n)*?[^\n]*:\n\n(`{3,})\w+\n(.*?)^\2$",
        text,
        re.MULTILINE | re.DOTALL,
    ):
        yield match[1], match[3]


WRITTEN = dict(files_to_write((ROOT / "CONTRIBUTING.md").read_text()))


def run(copy: Path, *arguments: str) -> None:
    """Run a module of Python in the copy. Fails, with what it said, unless that ends well."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout[-4000:]}{done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout in which every step was followed."""
    copied = tmp_path_factory.mktemp("checkout")
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copied / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, copied / name)
    for path, text in WRITTEN.items():
        (copied / path).parent.mkdir(parents=True, exist_ok=True)
        (copied / path).write_text(text)
    run(copied, "sandbox.documents")
    return copied


def test_each_section_says_what_to_write() -> None:
    new = {path.split("/")[-1] if "/qt_audit/" in path else path.split("/")[-2] for path in WRITTEN}
    assert {"first.py", "plain_webhook.py", "directory", "open_files"} <= new


def test_nothing_is_missing_of_what_was_added(copy: Path) -> None:
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *_CHECKS)


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ("README.md", ("`audit_logger.py first`", "plain+https://…", "| `directory` |")),
        ("files/quantum_trader/docs/REPAIR_REFERENCE.md", ("kind: directory", "open_files:")),
    ],
)
def test_the_documents_name_what_was_added(copy: Path, document: str, names: tuple[str, ...]) -> None:
    text = (copy / document).read_text()
    assert [name for name in names if name not in text] == []


def test_the_tests_of_what_was_added_pass(copy: Path) -> None:
    tests = [path for path in WRITTEN if path.startswith("tests/")]
    assert len(tests) == 4
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests)


def test_the_linters_have_nothing_against_it(copy: Path) -> None:
    written = [path for path in WRITTEN if path.endswith(".py")]
    run(copy, "ruff", "check", "--no-cache", *written)
    run(copy, "ruff", "format", "--check", "--no-cache", *written)
    run(copy, "mypy", "--cache-dir", "/dev/null", *written)
