"""The child process of imports.py: imports modules one after the other and writes down each result.

Called as `python3 import_worker.py LIST RESULTS`. LIST is a JSON list of module names. For each of them
RESULTS gets a JSON line `[name]` before the import and `[name, error or null]` after it: so a module that
ends the process is known.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback


def main(names_file: str, results_file: str) -> None:
    """Import all modules. An exception in one does not stop the others; only the end of the process does."""
    with open(names_file, encoding="utf-8") as file:
        names = json.load(file)
    with open(results_file, "a", encoding="utf-8") as results:
        for name in names:
            print(json.dumps([name]), file=results, flush=True)
            print(json.dumps([name, _import(name)]), file=results, flush=True)


def _import(name: str) -> str | None:
    try:
        importlib.import_module(name)
    except BaseException as error:  # a module that calls sys.exit() is at fault, too
        return traceback.format_exception_only(type(error), error)[-1].strip()[:300]
    return None


if __name__ == "__main__":
    del sys.path[0]  # this file's own directory, whose modules are not meant
    main(sys.argv[1], sys.argv[2])
    os._exit(0)  # without waiting for threads that a module has started
