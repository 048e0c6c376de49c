"""Import the modules of a tree in a child process with a clean environment, and name those that fail."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence

from qt_repair.host import process
from qt_repair.weekly.module_tree.tree import matches

_WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "import_worker.py")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def modules(paths: Sequence[str], not_imported: Sequence[str]) -> list[str]:
    """The names by which the files of a tree can be imported, sorted. Pure.

    Files whose names are no module names are scripts and left out, and so is `__main__`.
    """
    names = set()
    for path in paths:
        parts = path.removesuffix(".py").split("/")
        if not path.endswith(".py") or parts[-1] == "__main__" or matches(path, not_imported):
            continue
        if parts[-1] == "__init__":
            parts.pop()
        if parts and all(part.isidentifier() for part in parts):
            names.add(".".join(parts))
    return sorted(names)


def package_of(root: str) -> tuple[str, list[str]]:
    """The directory to import a tree's modules from, and the packages above it: a tree may be a package."""
    above: list[str] = []
    while os.path.exists(f"{root}/__init__.py") and os.path.dirname(root) != root:
        above.insert(0, os.path.basename(root))
        root = os.path.dirname(root)
    return root, above


def failed_imports(root: str, names: Sequence[str], home: str, timeout: float) -> list[tuple[str, str]]:
    """The modules that cannot be imported, each with the last line of its error.

    `timeout` is in seconds and for all of them. After a module that ends the process, the others are imported
    in a new one.
    """
    base, above = package_of(root)
    remaining = [".".join([*above, name]) for name in names]
    deadline = time.monotonic() + timeout
    failed: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="weekly-imports-") as scratch:
        while remaining:
            done, errors, ending = _import_batch(
                base, remaining, home, scratch, max(0.1, deadline - time.monotonic())
            )
            failed += errors
            remaining = remaining[done:]
            if remaining:  # the next one ended the process, or it took too long
                failed.append((remaining[0], ending))
                remaining = remaining[1:]
                if time.monotonic() >= deadline:
                    failed += [(name, "not tried: the time was used up") for name in remaining]
                    break
    return failed


def _import_batch(
    base: str, names: Sequence[str], home: str, scratch: str, timeout: float
) -> tuple[int, list[tuple[str, str]], str]:
    """Import until all are done or the process ends: how many are done, those that failed, how it ended.

    The modules are imported in the given order.
    """
    list_file, results = f"{scratch}/modules.json", f"{scratch}/results.jsonl"
    work = f"{scratch}/work"
    os.makedirs(work, exist_ok=True)
    with open(list_file, "w", encoding="utf-8") as file:
        json.dump(list(names), file)
    with open(results, "w", encoding="utf-8"):
        pass
    argv = [sys.executable, "-B", _WORKER, list_file, results]
    try:
        ended = process.run(argv, timeout, env=_environment(base, home), cwd=work)
        last = (ended.shown_output.splitlines() or [""])[-1]
        ending = f"ended the process (exit status {ended.exit_code})" + (f": {last[:200]}" if last else "")
    except process.TimedOutError:
        ending = "did not end in time"
    with open(results, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.endswith("]\n")]
    finished = [row for row in rows if len(row) == 2]
    return len(finished), [(name, error) for name, error in finished if error is not None], ending


def _environment(base: str, home: str) -> dict[str, str]:
    """The environment of the child: nothing of ours, so no secret either."""
    return {
        "PATH": _PATH,
        "HOME": os.path.expanduser("~"),
        "LANG": "C.UTF-8",
        "QT_HOME": home,
        "PYTHONPATH": base,
    }
